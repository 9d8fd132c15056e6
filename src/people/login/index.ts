export type { Login, LoginEvent, NewSession, PendingLogin, People, Person, Visitor } from "./contract.ts";
export { type OpenLogin, openLogin } from "./login.ts";
export { loginPart } from "./part.ts";
export { keepPasswords } from "./restored.ts";
