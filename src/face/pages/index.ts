export { createPages, type Page, type PageRequest, type Pages } from "./pages.ts";
