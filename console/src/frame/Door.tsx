import { lazy, Suspense, useEffect } from "react";
import { stream, useNotice } from "../api/live.ts";
import { session } from "../api/session.ts";
import { Login } from "../pages/login/Login.tsx";
import { useTexts } from "../texts/index.ts";
import "./door.css";

const Frame = lazy(() => import("./Frame.tsx"));

/** Who is not logged in meets the login; all else is loaded behind it. */
export function Door() {
  const state = useNotice(session);
  const t = useTexts("login");
  useEffect(() => {
    if (session.value.is !== "unknown") return;
    // A link logs in anew, whoever was logged in.
    if (location.hash.startsWith("#link=")) return session.set({ is: "out" });
    void session.restore();
  }, []);
  const isIn = state.is === "in";
  useEffect(() => {
    if (!isIn) return;
    stream.start();
    return () => stream.stop();
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
      return <Login {...(state.why !== undefined && { why: state.why })} />;
    case "in":
      return (
        <Suspense fallback={<div className="door" aria-busy="true" />}>
          <Frame me={state.me} />
        </Suspense>
      );
  }
}
