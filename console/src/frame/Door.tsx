import { useEffect } from "react";
import { stream, useNotice } from "../api/live.ts";
import { session, tellInput } from "../api/session.ts";
import { Login } from "../pages/login/Login.tsx";
import { Show } from "../parts/later.tsx";
import { followPerson, useTexts } from "../texts/index.ts";
import "./door.css";
import { frame } from "./early.tsx";
import { Guard } from "./Guard.tsx";

/** Who is not logged in meets the login; all else is loaded behind it. */
export function Door() {
  const state = useNotice(session);
  const t = useTexts("login");
  useEffect(() => {
    const takesLink = (): boolean => {
      // A link logs in anew, whoever was logged in.
      const isLink = location.hash.startsWith("#link=");
      if (isLink && session.value.is !== "out") session.set({ is: "out" });
      return isLink;
    };
    // Pasted where a page of the console is open already, it loads nothing.
    addEventListener("hashchange", takesLink);
    if (session.value.is === "unknown" && !takesLink()) void session.restore();
    return () => removeEventListener("hashchange", takesLink);
  }, []);
  const isIn = state.is === "in";
  const own = isIn ? state.me.language : undefined;
  // A wall may speak another language than whose it is.
  const isDisplay = isIn && state.me.session?.isDisplay === true;
  useEffect(() => {
    if (own === "en" || own === "zh") void followPerson(own, !isDisplay);
  }, [own, isDisplay]);
  useEffect(() => {
    if (!isIn) return;
    stream.start();
    const stopTelling = tellInput();
    return () => {
      stopTelling();
      stream.stop();
    };
  }, [isIn]);
  switch (state.is) {
    case "unknown":
      return <div className="door" aria-busy="true" />;
    case "unreachable":
      return (
        <div className="door">
          <div className="door-box" role="alert">
            <h1>{t("unreachable")}</h1>
            <p className="quiet">{state.why}</p>
            <p className="quiet small">{t("unreachableNext")}</p>
          </div>
        </div>
      );
    case "out":
      return <Login hasEnded={state.hasEnded === true} {...(state.why !== undefined && { why: state.why })} />;
    case "in":
      return (
        <Guard of="page">
          <Show of={frame} given={{ me: state.me }} />
        </Guard>
      );
  }
}
