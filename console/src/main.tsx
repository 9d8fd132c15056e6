import "./styles/tokens.css";
import "./styles/base.css";
import { createRoot } from "react-dom/client";
import { Door } from "./frame/Door.tsx";
import { startLook } from "./frame/look.ts";
import { startTexts } from "./texts/index.ts";

startLook();
await startTexts();
createRoot(document.getElementById("root") as HTMLElement).render(<Door />);
