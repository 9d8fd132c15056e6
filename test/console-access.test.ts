/** What people do on the pages of the group Access, in a real browser: users and roles, the audit, approvals, one's own settings. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { approval, microservice, role, site as siteKind, user } from "#/model/index.ts";
import { lacksBrowser } from "./console-browser.ts";
import { assertAccessible, ConsoleSite, type Look, type OpenPage, untilCalm } from "./console-site.ts";
import { until } from "./login-site.ts";

const skip = lacksBrowser();
/** Pages whose lists are of objects, or of what objects do. */
const PAGES: readonly string[] = [
  "",
  "alarms",
  "updates",
  "services",
  "topology",
  "calls",
  "events",
  "gateways",
  "routes",
  "resources",
  "hosts",
  "system",
  "users",
  "approvals",
  "audit",
];
const ODD = `<img src=x onerror="alert(1)"> \u202etxet\u200b ${"long ".repeat(30)}`;

describe("the console's pages of access", { skip }, () => {
  let site: ConsoleSite;
  const closers: (() => unknown)[] = [];
  before(async () => {
    site = await ConsoleSite.open({ after: (close) => void closers.push(close as () => unknown) });
    await site.site.setUser("op", { displayName: ODD, roles: [{ role: "operator", where: "team=a" }], groups: ["night <b>"] });
    await site.site.setUser("old", { disabled: true });
    await site.site.setUser("sam", { displayName: "Sam", roles: [{ role: "engineer" }, { role: "safety" }] });
    await site.site.api.store.create(role, {
      metadata: { name: "safety" },
      spec: role.spec.parse({ description: ODD, rules: [{ verbs: ["get"], kinds: ["Route"] }], actions: ["stop"], groups: [{ name: "night <b>" }] }),
    });
  });
  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  /** `refusals`: the browser itself tells of refusals that were asked for. */
  async function on(path: string, look: Look, work: (open: OpenPage) => Promise<void>, { refusals = false } = {}): Promise<void> {
    const open = await site.page(path, look);
    open.page.on("dialog", () => assert.fail("a script of an object has run"));
    try {
      await work(open);
      assert.deepEqual(
        open.faults.filter((fault) => !refusals || !/status of 4\d\d/.test(fault)),
        [],
      );
    } finally {
      await open.close();
    }
  }

  /** Each page in each size, language and light at least once, without anything serious for axe, and nothing wider than the page. */
  async function look(page: Page, paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      await page.goto(`${site.site.plain}/console${path}`);
      await untilCalm(page);
      await assertAccessible(page, path);
      assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"), `${path}: nothing is wider than the page`);
      assert.equal(await page.locator("main img, main script").count(), 0);
    }
  }

  const PATHS: readonly string[] = [
    "/users",
    "/users?open=op",
    "/users?open=op&tab=sessions",
    "/users?show=roles&open=safety",
    "/users?new=user",
    "/users?open=op&tab=may",
    "/users?show=roles&new=role",
    "/audit?q=limits",
  ];
  for (const seen of [
    { width: 1280, height: 800, language: "en", theme: "dark" },
    { width: 390, height: 844, isPhone: true, language: "zh", theme: "light" },
  ] as const)
    test(`each page at ${seen.width} px, ${seen.language}, ${seen.theme}`, async () => {
      await on("/", seen, async ({ page }) => await look(page, PATHS));
    });

  test("a user is added, gets a link, is changed for some objects alone, is disabled and removed; each is done when it is seen", async () => {
    const { store } = site.site.api;
    await on("/users", {}, async ({ page }) => {
      await page.getByRole("button", { name: "Add a user" }).click();
      await page.getByLabel("Name (for logging in; it stays)").fill("n.new");
      await page.getByRole("button", { name: "Add n.new" }).click();
      await page.getByRole("status").filter({ hasText: "there; a link" }).waitFor();
      await page.getByRole("row", { name: /n\.new/ }).click();
      await page.getByRole("button", { name: "Link to log in" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Link to log in" }).click();
      const link = await page.getByRole("textbox", { name: "Link for n.new" }).inputValue();
      assert.match(link, /\/console\/#link=\S+$/);
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();

      await page.getByRole("button", { name: "Password", exact: true }).click();
      await page.getByLabel(/^New password \(/).fill("twelve letters");
      await page.getByLabel("New password once more").fill("twelve LETTERS");
      await page.getByText("Both are not the same").waitFor();
      assert.ok(await page.getByRole("button", { name: "Set it, and end their sessions" }).isDisabled());
      await page.getByLabel("New password once more").fill("twelve letters");
      await page.getByRole("button", { name: "Set it, and end their sessions" }).click();
      await page.getByRole("status").filter({ hasText: "it holds from now on" }).waitFor();
      const told = await site.site.ask("POST", "/login", { body: { user: "n.new", password: "twelve letters" } });
      assert.equal(told.status, 200);

      await page.getByRole("button", { name: "Change", exact: true }).click();
      await page.getByLabel("For objects").fill("team=a");
      await page.getByRole("button", { name: "Change the rights" }).click();
      await page.getByRole("status").filter({ hasText: "it holds now" }).waitFor();
      assert.deepEqual((await store.get(user, { name: "n.new" }))?.spec.roles, [{ role: "viewer", where: "team=a" }]);

      await page.getByRole("button", { name: "Disable", exact: true }).click();
      await page.getByText("Open sessions that it ends: 1.").waitFor();
      await page.getByRole("button", { name: "Disable, and end what is open" }).click();
      await page.getByRole("status").filter({ hasText: "may do nothing now" }).waitFor();

      await page.getByRole("button", { name: "Remove", exact: true }).click();
      const remove = page.getByRole("button", { name: "Remove for good" });
      assert.ok(await remove.isDisabled(), "its name is typed first");
      await page.getByLabel("To confirm, type n.new").fill("n.new");
      await remove.click();
      await page.getByRole("status").filter({ hasText: "gone" }).waitFor();
      assert.equal(await store.get(user, { name: "n.new" }), undefined);
    });
  });

  test("sessions are ended one by one, and a token is shown once", async () => {
    await site.site.byLink("op");
    await on("/users?open=op&tab=sessions", {}, async ({ page }) => {
      await page.getByRole("button", { name: /^End / }).first().click();
      await page.getByRole("dialog").getByRole("button", { name: "End", exact: true }).click();
      await page.getByRole("status").filter({ hasText: "it is over" }).waitFor();
      await page.getByRole("tab", { name: "Tokens" }).click();
      await page.getByRole("button", { name: "Make a token" }).click();
      await page.getByLabel("What it is for").fill("<i>export</i>");
      await page.getByRole("dialog").getByRole("button", { name: "Make a token" }).click();
      assert.match(await page.getByRole("textbox", { name: "The token" }).inputValue(), /^orrery_/);
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
      await page.getByText("<i>export</i>").waitFor();
    });
  });

  test("who would leave nobody that decides is told so before it is sent", async () => {
    await site.site.removeUser("anna");
    try {
      await on(
        "/users?open=w.huang",
        {},
        async ({ page }) => {
          await page.getByRole("button", { name: "Disable", exact: true }).click();
          await page.getByText("This would be refused").waitFor();
          await page.getByText(/nobody else is/).waitFor();
          await page.getByText("Nobody would be left").waitFor();
        },
        { refusals: true },
      );
    } finally {
      await site.site.setUser("anna", { roles: [{ role: "admin" }] });
    }
  });

  test("the audit: found by who and what, opened with before and after, linked, exported; nothing of it runs", async () => {
    const tab = await site.site.byLink("w.huang");
    const headers = { cookie: tab.cookie, "orrery-session": tab.secret, "sec-fetch-site": "same-origin" };
    const reason = encodeURIComponent(`<script>alert(3)</script> \u202e ${"why ".repeat(200)}`);
    const told = await site.site.ask("PATCH", "/apis/orrery.dev/v1/namespaces/default/microservices/limits", {
      headers: { ...headers, "content-type": "application/merge-patch+json", "orrery-reason": reason },
      body: { spec: { replicas: 7 } },
    });
    assert.equal(told.status, 200, told.text);
    await on("/audit", {}, async ({ page }) => {
      await page.getByText("The chain is whole").waitFor();
      await page.getByLabel("Object", { exact: true }).fill("Microservice/limits");
      const row = page.getByRole("row", { name: /scale/ }).first();
      await row.waitFor();
      await row.click();
      await page.getByRole("cell", { name: "spec.replicas" }).waitFor();
      assert.equal(await page.locator("ins").first().textContent(), "7");
      assert.match(page.url(), /object=Microservice\/limits.*open=\d+/);
      await untilCalm(page);
      await assertAccessible(page, "audit entry");
      const link = page.url();
      await page.goto("about:blank");
      await page.goto(link);
      await page.getByRole("cell", { name: "spec.replicas" }).waitFor();
      await page.getByRole("button", { name: "Close" }).click();
      const saved = page.waitForEvent("download");
      await page.getByRole("button", { name: "Export all" }).click();
      assert.match((await saved).suggestedFilename(), /^audit-.*\.txt$/);
      await page.getByRole("status").filter({ hasText: "saved" }).waitFor();
      assert.equal(await page.locator("main img, main script").count(), 0);
      await page.getByLabel("Who").fill("nobody-at-all");
      await page.getByText("No entry is like that.").waitFor();
    });
    await on(
      "/audit",
      { user: "vera" },
      async ({ page }) => {
        await page.getByRole("alert").filter({ hasText: "You may not see this" }).waitFor();
        assert.equal(await page.getByRole("button", { name: "Export all" }).count(), 0);
      },
      { refusals: true },
    );
  });

  test("what needs others waits, is approved by another and done; one takes back one's own; what was done alone is looked at", async () => {
    const { store } = site.site.api;
    const rule = { name: "stops", actions: ["stop"], approvers: ["safety"], within: "1h" };
    await store.patch(siteKind, { name: "site" }, { type: "merge", body: { spec: { fourEyes: [rule] } } });
    const asked = async (): Promise<string | undefined> =>
      (await store.list(approval)).items.find(({ status }) => status?.phase === "Waiting")?.metadata.name;
    const stop = async (page: Page): Promise<void> => {
      await page.getByRole("button", { name: "Stop", exact: true }).click();
      await page.getByRole("dialog").getByLabel("Why (for the audit)").fill("<b>maintenance</b>");
      await page.getByRole("dialog").getByRole("button", { name: "Stop", exact: true }).click();
      await page.getByRole("link", { name: "waits until safety approve" }).click();
      await page.getByText("w.huang cannot approve it").waitFor();
    };
    await on("/services?open=default/recorder", {}, async ({ page }) => {
      await stop(page);
      await page.locator(".drawer").getByText("<b>maintenance</b>").first().waitFor();
      for (const verb of ["Approve", "Refuse"]) assert.equal(await page.getByRole("button", { name: verb, exact: true }).count(), 0, verb);
      assert.equal((await store.get(microservice, { name: "recorder" }))?.spec.suspended, false, "nothing is done yet");
      await page.getByRole("button", { name: "Take back" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
      await page.getByRole("status").filter({ hasText: "it is taken back" }).waitFor();
      await page.goto(`${site.site.plain}/console/services?open=default/recorder`);
      await stop(page);
    });
    const name = await asked();
    await on(`/approvals?open=${name}`, { user: "sam" }, async ({ page }) => {
      await page.getByRole("cell", { name: "spec.suspended" }).waitFor();
      await untilCalm(page);
      await assertAccessible(page, "approval");
      await page.getByRole("button", { name: "Approve", exact: true }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Approve", exact: true }).click();
      await page.getByRole("status").filter({ hasText: "your approval stands" }).waitFor();
      await page.getByText("Done, exactly as it was approved.").waitFor();
      assert.equal((await store.get(microservice, { name: "recorder" }))?.spec.suspended, true);
    });
    await on("/services?open=default/mission-log", {}, async ({ page }) => {
      await page.getByRole("button", { name: "Stop", exact: true }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Stop", exact: true }).click();
      await page.getByRole("button", { name: "Do it alone …" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("It gives you no right that you do not have").waitFor();
      const verb = dialog.getByRole("button", { name: "Break the glass, and do it now" });
      assert.ok(await verb.isDisabled(), "it takes a reason");
      await dialog.getByLabel("Why (all are told)").fill("smoke in the rack 冒烟");
      await verb.click();
      await page.getByRole("status").filter({ hasText: "Stop mission-log" }).filter({ hasNotText: "Do it alone" }).waitFor();
      await until(async () => (await store.get(microservice, { name: "mission-log" }))?.spec.suspended === true);
    });
    // What waited of it is taken back.
    await until(async () => (await asked()) === undefined);
    const glass = (await store.list(approval)).items.find(({ status }) => status?.phase === "BrokenGlass");
    assert.match(glass?.spec.reason ?? "", /冒烟/);
    await store.patch(
      siteKind,
      { name: "site" },
      {
        type: "merge",
        body: {
          status: {
            conditions: [
              {
                type: "BrokenGlass",
                status: "True",
                reason: "Unreviewed",
                message: `done alone: ${glass?.metadata.name}`,
                lastTransitionTime: new Date().toISOString(),
              },
            ],
          },
        },
      },
      { subresource: "status" },
    );
    await on("/", { user: "sam" }, async ({ page }) => {
      await page
        .getByRole("listitem")
        .filter({ hasText: "Unreviewed" })
        .getByRole("link", { name: /Look at what was done alone/ })
        .waitFor();
      await page.getByRole("link", { name: "Done alone: to be looked at" }).click();
      await page.getByRole("heading", { name: "Approvals", level: 1 }).waitFor();
    });
    await on("/approvals", { user: "sam" }, async ({ page }) => {
      await page.getByRole("row", { name: /Done alone/ }).click();
      await page.getByRole("button", { name: "I have looked at it" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "I have looked at it" }).click();
      await page.getByRole("status").filter({ hasText: "your name stands beside it" }).waitFor();
    });
    await store.patch(siteKind, { name: "site" }, { type: "merge", body: { spec: { fourEyes: [] } } });
  });

  test("a script that others approve, in a browser of their own meanwhile, is run from where it was asked for, once; what it writes comes there", async () => {
    const { store } = site.site.api;
    let ran = 0;
    for (const host of ["ops-1", "ops-2"]) {
      const streams = {
        async *"script/follow"() {
          ran += 1;
          yield { out: Buffer.from("begun\n").toString("base64") };
          yield { result: { exitCode: 0, durationMs: 12 } };
        },
      };
      const { link } = await site.site.api.client("agent").openLink({ component: "agent", name: host, host, version: "0.1.0" }, { streams });
      closers.push(() => link.close("the test is over"));
    }
    const fourEyes = [{ name: "scripts", actions: ["run-script"], approvers: ["engineer"], within: "1h" }];
    await store.patch(siteKind, { name: "site" }, { type: "merge", body: { spec: { fourEyes } } });
    const waits = async (): Promise<string | undefined> =>
      (await store.list(approval)).items.find(({ status, spec }) => status?.phase === "Waiting" && spec.actions.includes("run-script"))?.metadata
        .name;
    await on("/services?open=default/archive&tab=scripts", {}, async ({ page }) => {
      const ask = async (): Promise<string> => {
        await page
          .getByRole("row", { name: /selftest/ })
          .getByRole("button", { name: "Run …" })
          .click();
        await page.getByRole("dialog").getByRole("button", { name: "Run selftest" }).click();
        await until(async () => (await waits()) !== undefined);
        return (await waits()) ?? "";
      };
      const run = page.locator(".script-run").first();
      const refused = await ask();
      await run.getByText("waits until engineer approve").waitFor();
      await on(`/approvals?open=${refused}`, { user: "sam" }, async ({ page: theirs }) => {
        await theirs.getByRole("button", { name: "Refuse", exact: true }).click();
        await theirs.getByRole("dialog").getByRole("button", { name: "Refuse", exact: true }).click();
        await run.getByText("was refused").waitFor();
      });
      const approved = await ask();
      await on(`/approvals?open=${approved}`, { user: "sam" }, async ({ page: theirs }) => {
        await theirs.getByRole("button", { name: "Approve", exact: true }).click();
        await theirs.getByRole("dialog").getByRole("button", { name: "Approve", exact: true }).click();
        await run.getByText("is approved").waitFor();
      });
      assert.equal(ran, 0, "who approves runs nothing");
      await run.getByRole("button", { name: "Run selftest" }).click();
      await run.locator(".script-out", { hasText: "begun" }).waitFor();
      await run.getByText("done after").waitFor();
      assert.equal(ran, 1);
      assert.equal(await run.getByRole("button").count(), 0, "it is not offered a second time");
      // In need, alone: what waited is taken back.
      await ask();
      await run.getByRole("button", { name: "Do it alone …" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Why (all are told)").fill("nobody answers");
      await dialog.getByRole("button", { name: "Break the glass, and do it now" }).click();
      await run.getByText("done after").waitFor();
      assert.equal(ran, 2);
      await until(async () => (await waits()) === undefined);
    });
    await store.patch(siteKind, { name: "site" }, { type: "merge", body: { spec: { fourEyes: [] } } });
  });

  test("secrets of an object are shown once, when somebody who may see them says why; the audit is told, others are not offered it", async () => {
    const { store } = site.site.api;
    const env = [
      { name: "PASSWORD", value: "planted-7391 <b>", secret: true },
      { name: "PLACE", value: "hill" },
    ];
    await store.patch(microservice, { name: "catalogue" }, { type: "merge", body: { spec: { template: { env } } } });
    await on("/services?open=default/catalogue&tab=manifest", {}, async ({ page }) => {
      await page.locator(".cm-line", { hasText: "(secret)" }).waitFor();
      assert.equal((await page.content()).includes("planted-7391"), false);
      await page.getByRole("button", { name: "Secrets …" }).click();
      const asked = page.getByRole("dialog", { name: "See the secrets of catalogue?" });
      await asked.getByLabel("Why (for the audit)").fill("the database moves");
      await asked.getByRole("button", { name: "Show them" }).click();
      const told = page.getByRole("dialog", { name: "Secrets of catalogue" });
      assert.equal(await told.getByLabel(/PASSWORD/).inputValue(), "planted-7391 <b>");
      assert.equal(await told.getByRole("textbox").count(), 1);
      await assertAccessible(page, "secrets");
      await told.getByRole("button", { name: "Close" }).click();
      await told.waitFor({ state: "detached" });
      assert.equal((await page.content()).includes("planted-7391"), false, "gone with the dialog");
    });
    const { items } = await site.site.api.audit.list({ action: "see-secrets" });
    assert.deepEqual([items[0]?.who?.name, items[0]?.reason], ["w.huang", "the database moves"]);
    await on("/services?open=default/catalogue&tab=manifest", { user: "sam" }, async ({ page }) => {
      await page.locator(".cm-line", { hasText: "(secret)" }).waitFor();
      assert.equal(await page.getByRole("button", { name: "Secrets …" }).count(), 0);
    });
  });

  test("settings: a password is set and logs in, a question about one's rights says why not, a wall opens by its link and reads alone", async () => {
    const tab = await site.site.byLink("w.huang");
    const first = "first words of a phrase";
    await site.site.admin("POST", "/users/op/password", { password: first });
    await on(
      "/settings?tab=password",
      { user: "op" },
      async ({ page }) => {
        await page.getByLabel("Present password").fill("not this one at all");
        for (const label of [/^New password \(/, "New password once more"]) await page.getByLabel(label).fill("other words of a phrase");
        await page.getByRole("button", { name: "Set the password" }).click();
        await page.getByRole("alert").waitFor();
        await page.getByLabel("Present password").fill(first);
        for (const label of [/^New password \(/, "New password once more"]) await page.getByLabel(label).fill("other words of a phrase");
        await page.getByRole("button", { name: "Set the password" }).click();
        await page.getByRole("status").filter({ hasText: "it holds from now on" }).waitFor();
        const told = await site.site.ask("POST", "/login", { body: { user: "op", password: "other words of a phrase" } });
        assert.equal(told.status, 200, told.text);
        await page.getByRole("tab", { name: "What I may" }).click();
        await page.getByLabel("May I …").selectOption("manage-users");
        await page.getByLabel("which kind").fill("users");
        await page.getByRole("button", { name: "Ask" }).click();
        await page.getByRole("status").filter({ hasText: "no." }).waitFor();
      },
      { refusals: true },
    );
    await on("/settings?tab=displays", {}, async ({ page }) => {
      await page.getByLabel("Where the wall is").fill("hall <left>");
      await page.getByRole("button", { name: "Make a link for a wall" }).click();
      const link = await page.getByRole("textbox", { name: "Link for the wall" }).inputValue();
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
      await on(link.replace(/^.*\/console/, ""), { isOut: true }, async ({ page: wall }) => {
        await wall.locator("html[data-wall] #page").waitFor();
      });
      await page.getByRole("cell", { name: "hall <left>", exact: true }).waitFor({ timeout: 15_000 });
      await page.getByRole("button", { name: /^End / }).first().click();
      await page.getByRole("dialog").getByRole("button", { name: "End", exact: true }).click();
      await page.getByText("No wall shows this site").waitFor();
    });
    assert.equal((await site.site.page(tab, "GET", "/me")).status, 200, "a session that nobody ended goes on");
  });

  test("a role is edited rule by rule, who has it stands beside it, and what another may is asked with the reason", async () => {
    const { store } = site.site.api;
    await on("/users?show=roles&open=safety", {}, async ({ page }) => {
      await page.getByText("Given to:").waitFor();
      await page.getByRole("link", { name: "sam" }).waitFor();
      await page.getByRole("button", { name: "Change role safety" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: "One more line" }).click();
      await dialog.getByRole("combobox", { name: "May" }).nth(1).selectOption("own");
      await dialog.getByRole("checkbox", { name: "patch" }).nth(1).check();
      await dialog.getByLabel("Kinds").nth(1).fill("Resource, Route/status");
      await dialog.getByLabel("Names").nth(1).fill("antenna-15m");
      await dialog.getByRole("checkbox", { name: "start", exact: true }).check();
      await dialog.getByRole("button", { name: "One more group" }).click();
      await dialog.getByLabel("Group", { exact: true }).nth(1).fill("guards");
      await dialog.getByRole("button", { name: "Change the role" }).click();
      await page.getByRole("status").filter({ hasText: "it holds now" }).waitFor();
      const spec = (await store.get(role, { name: "safety" }))?.spec;
      assert.deepEqual(spec?.rules, [
        { verbs: ["get"], kinds: ["Route"] },
        { verbs: ["get", "list", "watch", "patch"], kinds: ["Resource", "Route/status"], names: ["antenna-15m"] },
      ]);
      assert.deepEqual(
        [spec?.actions, spec?.groups.map(({ name }) => name)],
        [
          ["stop", "start"],
          ["night <b>", "guards"],
        ],
      );
      assert.equal(spec?.description, ODD.trim());
    });
    await on("/users?open=op&tab=may&verb=delete&kind=routes", {}, async ({ page }) => {
      await page
        .getByRole("row", { name: /run-script/ })
        .getByText("team=a")
        .first()
        .waitFor();
      await page.getByRole("button", { name: "Ask" }).click();
      await page
        .getByRole("status")
        .filter({ hasText: /no\. user op .* may not delete routes/ })
        .waitFor();
      await untilCalm(page);
      await assertAccessible(page, "what op may");
    });
  });

  test("a role that was made by clicking is given, and lets its holder do just that", async () => {
    await site.site.setUser("ada", { displayName: "Ada" });
    await on("/users?show=roles", {}, async ({ page }) => {
      await page.getByRole("button", { name: "Make a role" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Name (it stays)").fill("scaler");
      await dialog.getByRole("checkbox", { name: "scale", exact: true }).check();
      await dialog.getByRole("button", { name: /^Make / }).click();
      await page.getByRole("link", { name: "scaler" }).waitFor();
      await page.goto(`${site.site.plain}/console/users?open=ada`);
      await page.getByRole("button", { name: "Change", exact: true }).click();
      await page.getByRole("dialog").getByRole("button", { name: "One more role" }).click();
      await page.getByRole("dialog").getByRole("combobox").first().selectOption("scaler");
      await page.getByRole("button", { name: "Change the rights" }).click();
      await page.getByRole("status").filter({ hasText: "it holds now" }).waitFor();
    });
    await on("/services?open=default/limits", { user: "ada" }, async ({ page }) => {
      await page.getByRole("button", { name: "Scale", exact: true }).waitFor();
      await untilCalm(page);
      for (const verb of ["Stop", "Restart"]) assert.equal(await page.getByRole("button", { name: verb, exact: true }).count(), 0, verb);
      await page.goto(`${site.site.plain}/console/settings?tab=rights`);
      await page.getByText("You have: scaler").waitFor();
    });
  });

  test("another way to log in is offered, and said to be away; the language goes with the person", async () => {
    const { page, close } = await site.page("/about:blank", { isOut: true });
    const provider = { name: "Keycloak <b>", isAway: true, path: "/login/provider" };
    await page.route("**/login", (route) => route.fulfill({ json: { hasPasswords: true, provider } }));
    await page.goto(`${site.site.plain}/console/services?q=a%20b`);
    await page.getByRole("status").filter({ hasText: "Keycloak <b> does not answer now" }).waitFor();
    assert.equal(await page.getByRole("link", { name: /Keycloak/ }).count(), 0);
    await assertAccessible(page, "login beside a provider that is away");
    provider.isAway = false;
    const link = page.getByRole("link", { name: "Log in with Keycloak <b>" });
    await link.waitFor({ timeout: 15_000 });
    assert.equal(await link.getAttribute("href"), `/login/provider?to=${encodeURIComponent("/console/services?q=a%20b")}`);
    await close();

    await on("/settings", { user: "sam" }, async ({ page: own }) => {
      await own.getByRole("button", { name: "中文" }).click();
      await own.getByText("语言随您的用户保存").waitFor();
    });
    await until(async () => (await site.site.api.store.get(user, { name: "sam" }))?.spec.language === "zh");
    await on("/", { user: "sam", language: "en" }, async ({ page: other }) => {
      await other.getByRole("heading", { name: "总览", level: 1 }).waitFor();
      await other.getByRole("button", { name: /Sam/ }).click();
      await other.getByRole("button", { name: "English" }).click();
      await other.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    });
    await until(async () => (await site.site.api.store.get(user, { name: "sam" }))?.spec.language === "en");
  });

  test("a form that is refused stays, with the reason and all that was typed, and is sent again", async () => {
    const forms: readonly { path: string; open?: string; fill: Readonly<Record<string, string>>; send: RegExp }[] = [
      {
        path: "/users",
        open: "Add a user",
        fill: { "Name (for logging in; it stays)": "r.fused", "For objects": "team in orbit" },
        send: /^Add r\.fused/,
      },
      { path: "/users?show=roles&new=role", fill: { "Name (it stays)": "r-fused", "For objects": "team in orbit" }, send: /^Make r-fused/ },
    ];
    for (const { path, open, fill, send } of forms)
      await on(
        path,
        {},
        async ({ page }) => {
          if (open !== undefined) await page.getByRole("button", { name: open }).click();
          const form = page.locator("dialog.ask");
          for (const [label, value] of Object.entries({ ...fill, "Why (for the audit)": "by night" }))
            await form.getByLabel(label, { exact: true }).fill(value);
          await form.getByRole("button", { name: send }).click();
          await form.getByRole("alert").filter({ hasText: "It was refused." }).waitFor();
          for (const [label, value] of Object.entries({ ...fill, "Why (for the audit)": "by night" }))
            assert.equal(await form.getByLabel(label, { exact: true }).inputValue(), value, `${path}: ${label} stays`);
          assert.equal(new URL(page.url()).searchParams.has("added"), false, "nobody waits for whom nobody added");
          await form.getByLabel("For objects", { exact: true }).fill("team=orbit");
          await form.getByRole("button", { name: send }).click();
          await form.waitFor({ state: "detached" });
          await page.locator(".deed.is-done").waitFor();
        },
        { refusals: true },
      );
  });

  test("who sees a part alone is told so on each page, and never that nothing is there", async () => {
    await site.site.setUser("part", { roles: [{ role: "operator", where: "team=nobody-has-it" }] });
    await on(
      "/",
      { user: "part" },
      async ({ page }) => {
        for (const path of PAGES) {
          await page.goto(`${site.site.plain}/console/${path}`);
          await untilCalm(page);
          await page
            .getByText(/You may see nothing of this site|Nothing that you may see|You may not see this/)
            .first()
            .waitFor();
          const text = (await page.locator("main").textContent()) ?? "";
          assert.doesNotMatch(text, /\byet\b|\bnothing waits\b|all that is watched|as it is wanted/i, path);
          assert.equal(await page.locator("main .standing code.command").count(), 0, `${path}: no command that brings what may be there`);
        }
        await page.locator(".bar-site", { hasText: "127.0.0.1" }).waitFor();
      },
      { refusals: true },
    );
  });

  test("a viewer is offered nothing, and the API refuses it all the same", async () => {
    await on(
      "/users?open=op",
      { user: "vera" },
      async ({ page }) => {
        await untilCalm(page);
        for (const name of ["Add a user", "Change", "Disable", "Remove", "Link to log in"])
          assert.equal(await page.getByRole("button", { name, exact: true }).count(), 0, name);
        assert.equal(await page.getByRole("tab", { name: "Sessions" }).count(), 0);
        const status = await page.evaluate(async () => {
          const headers = { "content-type": "application/merge-patch+json", "orrery-session": localStorage.getItem("orrery.session") ?? "" };
          const answers = [
            await fetch("/apis/orrery.dev/v1/users/vera", { method: "PATCH", headers, body: '{"spec":{"roles":[{"role":"admin"}]}}' }),
            await fetch("/sessions?user=op", { headers }),
          ];
          return answers.map((answer) => answer.status);
        });
        assert.deepEqual(status, [403, 403]);
      },
      { refusals: true },
    );
  });
});
