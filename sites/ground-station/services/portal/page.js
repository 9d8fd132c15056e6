// The page asks /api/satellites once, /api/passes for each choice, and follows /api/track for the position now.
(() => {
  const TEXTS = {
    en: {
      title: "Ground station",
      satellite: "Satellite",
      window: "Time ahead",
      next: "Next pass",
      live: "Position now",
      sky: "Path in the sky",
      passes: "Passes",
      rise: "Rises",
      peak: "Highest",
      set: "Sets",
      from: "Path",
      height: "Elevation",
      length: "Length",
      hours: (count) => (count < 48 ? `${count} hours` : `${count / 24} days`),
      count: (count) => (count === 1 ? "1 pass" : `${count} passes`),
      none: (mask) => `No pass above ${mask}° in this time. Choose a longer time or another satellite.`,
      running: "Passing now",
      detail: (pass) =>
        `${clock(pass.rise.time)} UTC, ${compass(pass.rise.azimuth)} to ${compass(pass.set.azimuth)}, up to ${Math.round(pass.maxElevation)}°`,
      noNext: "None in the time chosen",
      azimuth: "Azimuth",
      elevation: "Elevation",
      range: "Distance",
      below: "Above the point",
      altitude: "Height",
      aboveHorizon: "above the horizon",
      stale: (days) => `The orbital elements of this satellite are ${days} days old. Beyond 14 days times may be wrong by minutes.`,
      elements: (elements) => `Elements of ${elements.epoch.slice(0, 10)}, ${elements.ageDays.toFixed(1)} days old`,
      served: (by) => `Served by portal ${by.portal}, auth ${by.authIssued}, predictor ${by.predictor}`,
      failed: "This did not work: ",
      place: (station) => `${station.name}  ·  ${degrees(station.latitude, "N", "S")}  ${degrees(station.longitude, "E", "W")}`,
      points: ["N", "NE", "E", "SE", "S", "SW", "W", "NW"],
      skyLabel: "Sky seen from the station, north at the top, zenith in the middle",
      timelineLabel: "Elevation of the passes over the time chosen",
      on: "live",
      off: "not connected",
    },
    zh: {
      title: "卫星地面站",
      satellite: "卫星",
      window: "预报时长",
      next: "下一次过境",
      live: "当前位置",
      sky: "天空轨迹",
      passes: "过境列表",
      rise: "升起",
      peak: "最高",
      set: "落下",
      from: "方位",
      height: "最大仰角",
      length: "时长",
      hours: (count) => (count < 48 ? `${count} 小时` : `${count / 24} 天`),
      count: (count) => `共 ${count} 次`,
      none: (mask) => `所选时段内没有高于 ${mask}° 的过境。请延长时段或选择其他卫星。`,
      running: "正在过境",
      detail: (pass) =>
        `UTC ${clock(pass.rise.time)}，${compass(pass.rise.azimuth)} → ${compass(pass.set.azimuth)}，最高 ${Math.round(pass.maxElevation)}°`,
      noNext: "所选时段内没有",
      azimuth: "方位角",
      elevation: "仰角",
      range: "距离",
      below: "星下点",
      altitude: "高度",
      aboveHorizon: "在地平线以上",
      stale: (days) => `该卫星的轨道根数已有 ${days} 天，超过 14 天后预报时刻可能相差数分钟。`,
      elements: (elements) => `轨道根数历元 ${elements.epoch.slice(0, 10)}，距今 ${elements.ageDays.toFixed(1)} 天`,
      served: (by) => `服务版本：portal ${by.portal}，auth ${by.authIssued}，predictor ${by.predictor}`,
      failed: "请求未成功：",
      place: (station) =>
        `${station.name === "Miyun, Beijing" ? "北京密云" : station.name}  ·  ${degrees(station.latitude, "N", "S")}  ${degrees(station.longitude, "E", "W")}`,
      points: ["北", "东北", "东", "东南", "南", "西南", "西", "西北"],
      skyLabel: "从地面站看到的天空，上方为北，中心为天顶",
      timelineLabel: "所选时段内各次过境的仰角",
      on: "实时",
      off: "未连接",
    },
  };
  const state = {
    language: initialLanguage(),
    station: undefined,
    answer: undefined,
    chosen: 0,
    position: undefined,
    source: undefined,
    isLive: undefined,
  };
  const byId = (id) => document.getElementById(id);
  const text = () => TEXTS[state.language];

  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      state.language = button.dataset.language;
      try {
        localStorage.setItem("language", state.language);
      } catch {
        // Without storage the choice lasts until the page is left.
      }
      drawAll();
    });
  }
  byId("satellite").addEventListener("change", choose);
  byId("hours").addEventListener("change", loadPasses);
  setInterval(drawClock, 1000);
  setInterval(loadPasses, 300_000);
  drawAll();
  void start();

  async function start() {
    const catalogue = await ask("/api/satellites");
    if (catalogue === undefined) return void setTimeout(start, 3000);
    state.station = catalogue.station;
    for (const { name } of catalogue.satellites) byId("satellite").append(make("option", { value: name }, name));
    const wanted = new URLSearchParams(location.search).get("satellite");
    if (catalogue.satellites.some(({ name }) => name === wanted)) byId("satellite").value = wanted;
    drawAll();
    choose();
  }

  function choose() {
    state.position = undefined;
    state.chosen = 0;
    follow();
    void loadPasses();
  }

  async function loadPasses() {
    const satellite = byId("satellite").value;
    if (satellite === "") return;
    const answer = await ask(`/api/passes?satellite=${encodeURIComponent(satellite)}&hours=${byId("hours").value}&track=1`);
    if (answer === undefined || satellite !== byId("satellite").value) return;
    const riseMs = Date.parse(state.answer?.passes[state.chosen]?.rise.time ?? "");
    state.answer = answer;
    // The same pass, computed again, may differ by milliseconds.
    state.chosen = Math.max(
      0,
      answer.passes.findIndex((pass) => Math.abs(Date.parse(pass.rise.time) - riseMs) < 60_000),
    );
    drawAll();
  }

  function follow() {
    state.source?.close();
    const source = new EventSource(`/api/track?satellite=${encodeURIComponent(byId("satellite").value)}`);
    state.source = source;
    source.addEventListener("position", (event) => {
      state.position = JSON.parse(event.data);
      state.isLive = true;
      drawLive();
      drawSky();
    });
    const lost = () => {
      state.isLive = false;
      drawLive();
    };
    source.addEventListener("problem", lost);
    source.addEventListener("error", lost);
  }

  async function ask(path) {
    try {
      const response = await fetch(path);
      const body = await response.json();
      if (!response.ok) throw new Error(body.detail ?? response.statusText);
      byId("problem").hidden = true;
      return body;
    } catch (error) {
      byId("problem").hidden = false;
      byId("problem").textContent = text().failed + error.message;
      return undefined;
    }
  }

  function drawAll() {
    document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
    document.title = text().title;
    for (const element of document.querySelectorAll("[data-text]")) element.textContent = text()[element.dataset.text];
    for (const button of document.querySelectorAll("[data-language]"))
      button.setAttribute("aria-pressed", String(button.dataset.language === state.language));
    byId("place").textContent = state.station === undefined ? "" : text().place(state.station);
    const hours = byId("hours").value || "24";
    byId("hours").replaceChildren(...[12, 24, 48, 72, 120, 240].map((count) => make("option", { value: String(count) }, text().hours(count))));
    byId("hours").value = hours;
    drawAnswer();
    drawTimeline();
    drawSky();
    drawLive();
    drawClock();
  }

  function drawAnswer() {
    const { answer } = state;
    if (answer === undefined) return;
    byId("stale").hidden = !answer.stale;
    byId("stale").textContent = text().stale(Math.round(Math.abs(answer.elements.ageDays)));
    byId("count").textContent = text().count(answer.passes.length);
    byId("served").textContent = text().served(answer.servedBy);
    byId("elements").textContent = text().elements(answer.elements);
    byId("rows").replaceChildren(...(answer.passes.length === 0 ? [emptyRow()] : answer.passes.map(row)));
  }

  function row(pass, index) {
    const line = make("tr", { tabindex: "0", "aria-selected": String(index === state.chosen) });
    const day = make("small", {}, `${pass.rise.time.slice(5, 10)} `);
    line.append(make("td", {}, day, clock(pass.rise.time)), make("td", {}, clock(pass.peak.time)), make("td", {}, clock(pass.set.time)));
    line.append(
      make("td", {}, `${compass(pass.rise.azimuth)} → ${compass(pass.set.azimuth)}`),
      make("td", { class: "number" }, `${pass.maxElevation.toFixed(1)}°`),
      make("td", { class: "number" }, span(pass.durationS)),
    );
    const pick = () => pickPass(index);
    line.addEventListener("click", pick);
    line.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      pick();
    });
    return line;
  }

  function emptyRow() {
    const line = make("tr");
    line.append(make("td", { class: "empty", colspan: "6" }, text().none(state.answer.station.minElevation)));
    return line;
  }

  function pickPass(index) {
    state.chosen = index;
    drawAnswer();
    drawTimeline();
    drawSky();
    byId("rows").children[index]?.focus({ preventScroll: true });
  }

  function drawTimeline() {
    const { answer } = state;
    byId("timeline").setAttribute("aria-label", text().timelineLabel);
    if (answer === undefined) return;
    const [fromMs, untilMs] = [Date.parse(answer.from), Date.parse(answer.until)];
    const x = (timeMs) => ((timeMs - fromMs) / (untilMs - fromMs)) * 720;
    const y = (elevation) => 108 - (elevation / 90) * 104;
    const lines = [0, 30, 60, 90].map((elevation) => draw("line", { class: "grid", x1: 0, x2: 720, y1: y(elevation), y2: y(elevation) }));
    const humps = answer.passes.map((pass, index) => {
      const riseMs = Date.parse(pass.rise.time);
      const points = pass.track.map(([afterS, , elevation]) => `${x(riseMs + afterS * 1000).toFixed(2)},${y(elevation).toFixed(1)}`);
      const hump = draw("polygon", {
        class: index === state.chosen ? "hump chosen" : "hump",
        points: `${x(riseMs).toFixed(2)},108 ${points.join(" ")} ${x(Date.parse(pass.set.time)).toFixed(2)},108`,
      });
      hump.append(draw("title", {}, text().detail(pass)));
      hump.addEventListener("click", () => pickPass(index));
      return hump;
    });
    byId("timeline").replaceChildren(...lines, ...humps);
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => new Date(fromMs + part * (untilMs - fromMs)).toISOString());
    byId("axis").replaceChildren(...ticks.map((tick) => make("span", {}, `${tick.slice(5, 10)} ${tick.slice(11, 16)}`)));
  }

  /** The sky as a disc: north at the top, east to the right, zenith in the middle. */
  function drawSky() {
    const plot = byId("skyPlot");
    plot.setAttribute("aria-label", text().skyLabel);
    const place = (azimuth, elevation) => {
      const [radius, angle] = [100 - (elevation / 90) * 100, (azimuth * Math.PI) / 180];
      return [(radius * Math.sin(angle)).toFixed(2), (-radius * Math.cos(angle)).toFixed(2)];
    };
    const parts = [0, 30, 60].map((elevation) => draw("circle", { class: "ring", r: 100 - (elevation / 90) * 100 }));
    for (const azimuth of [0, 45, 90, 135]) {
      const [[x1, y1], [x2, y2]] = [place(azimuth, 0), place(azimuth + 180, 0)];
      parts.push(draw("line", { class: "ring", x1, y1, x2, y2 }));
    }
    if (state.station !== undefined) parts.push(draw("circle", { class: "ring mask", r: 100 - (state.station.minElevation / 90) * 100 }));
    for (const [index, azimuth] of [0, 90, 180, 270].entries()) {
      const [x, y] = place(azimuth, -9);
      parts.push(draw("text", { x, y }, text().points[index * 2]));
    }
    for (const elevation of [30, 60]) parts.push(draw("text", { x: 0, y: (100 - (elevation / 90) * 100 - 5).toFixed(1) }, `${elevation}°`));
    const pass = state.answer?.passes[state.chosen];
    byId("skyTitle").textContent = pass === undefined ? "" : `${pass.rise.time.slice(5, 10)} ${clock(pass.rise.time)}`;
    if (pass !== undefined) parts.push(...drawPass(pass, place));
    const { position } = state;
    if (position !== undefined && position.elevation > 0) {
      const [cx, cy] = place(position.azimuth, position.elevation);
      parts.push(draw("circle", { class: "now", cx, cy, r: 5 }));
    }
    plot.replaceChildren(...parts);
  }

  function drawPass(pass, place) {
    const points = pass.track.map(([, azimuth, elevation]) => place(azimuth, elevation));
    const [cx, cy] = points[0];
    const [tx, ty] = place(pass.peak.azimuth, pass.peak.elevation);
    return [
      draw("polyline", { class: "path", points: points.map((point) => point.join(",")).join(" ") }),
      draw("circle", { class: "end", cx, cy, r: 4 }),
      draw("circle", { class: "top", cx: tx, cy: ty, r: 3.5 }),
    ];
  }

  function drawLive() {
    const dot = byId("liveState");
    dot.className = state.isLive === undefined ? "dot" : state.isLive ? "dot on" : "dot off";
    dot.setAttribute("aria-label", state.isLive ? text().on : text().off);
    const { position } = state;
    const values = [
      [text().azimuth, position && `${position.azimuth.toFixed(1)}° ${compass(position.azimuth)}`],
      [text().elevation, position && `${position.elevation.toFixed(1)}°${position.isAboveHorizon ? ` ${text().aboveHorizon}` : ""}`],
      [text().range, position && `${Math.round(position.rangeKm).toLocaleString("en")} km`],
      [text().below, position && `${degrees(position.latitude, "N", "S")} ${degrees(position.longitude, "E", "W")}`],
      [text().altitude, position && `${Math.round(position.altitudeKm)} km`],
    ];
    byId("liveValues").replaceChildren(...values.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value ?? "–")]));
  }

  function drawClock() {
    const nowMs = Date.now();
    byId("clock").textContent = new Date(nowMs).toISOString().slice(11, 19);
    const next = state.answer?.passes.find((pass) => Date.parse(pass.set.time) > nowMs);
    if (state.answer === undefined) return;
    const untilS = next === undefined ? 0 : (Date.parse(next.rise.time) - nowMs) / 1000;
    byId("countdown").textContent = next === undefined ? "–" : untilS <= 0 ? text().running : span(untilS);
    byId("nextDetail").textContent = next === undefined ? text().noNext : text().detail(next);
  }

  function initialLanguage() {
    try {
      const kept = localStorage.getItem("language");
      if (kept === "en" || kept === "zh") return kept;
    } catch {
      // No storage: the browser's own language decides.
    }
    return navigator.language.startsWith("zh") ? "zh" : "en";
  }

  function clock(time) {
    return time.slice(11, 19);
  }

  function span(seconds) {
    const whole = Math.round(seconds);
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (count) => String(count).padStart(2, "0");
    return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  }

  function compass(azimuth) {
    return text().points[Math.round(azimuth / 45) % 8];
  }

  function degrees(value, positive, negative) {
    return `${Math.abs(value).toFixed(2)}° ${value < 0 ? negative : positive}`;
  }

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  function draw(name, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }
})();
