import "./styles/tokens.css";
import "./styles/base.css";
import { createRoot } from "react-dom/client";
import { Door } from "./frame/Door.tsx";
import { loadEarly } from "./frame/early.tsx";
import { startLook } from "./frame/look.ts";
import { startRenewal } from "./frame/renewal.ts";
import { startTexts } from "./texts/index.ts";

startLook();
startRenewal();
loadEarly();
await startTexts();
createRoot(document.getElementById("root") as HTMLElement).render(<Door />);
