import { askPredictor, obtainToken, readSettings } from "./calls.ts";

/** Script `check-calls`: asks auth for a token and predictor for the position of the ISS with it, as portal does; prints what came and how long it took. */
const settings = readSettings();
try {
  const beganAt = performance.now();
  const token = await obtainToken(settings);
  const tokenAt = performance.now();
  const position = await askPredictor(settings, "/position?satellite=ISS", token);
  const endedAt = performance.now();
  console.log(`auth       ${token.version}  token in ${(tokenAt - beganAt).toFixed(0)} ms`);
  console.log(
    `predictor  ${String(position.version)}  position in ${(endedAt - tokenAt).toFixed(0)} ms (token verified by auth ${String(position.verifiedBy)})`,
  );
  console.log(`ISS: azimuth ${String(position.azimuth)}°, elevation ${String(position.elevation)}°`);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
