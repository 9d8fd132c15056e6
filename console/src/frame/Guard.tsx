import { Component, type ReactNode } from "react";
import { useTexts } from "../texts/index.ts";

interface GuardProps {
  /** Where it stands: a whole page, or a part of the frame, which has little room. */
  readonly of: "page" | "part";
  /** What failed goes away, beside being tried again: of what was opened over the page. */
  readonly onClose?: () => void;
  /** Of what it stands in for. */
  readonly className?: string;
  readonly children: ReactNode;
}

/** What fails in it takes nothing else with it, and says that it has. Each part of the frame has its own, and the page. */
export class Guard extends Component<GuardProps, { readonly error?: Error }> {
  override state: { readonly error?: Error } = {};

  static getDerivedStateFromError(error: unknown): { readonly error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    const { of, onClose, className = "", children } = this.props;
    if (error === undefined) return children;
    if (of === "page") return <BrokenPage error={error} />;
    const again = (): void => {
      this.setState({ error: undefined } as unknown as { readonly error: Error });
      onClose?.();
    };
    return <BrokenPart className={className} error={error} isOver={onClose !== undefined} onAgain={again} />;
  }
}

function BrokenPage({ error }: { readonly error: Error }) {
  const t = useTexts("frame");
  return (
    <div className="page">
      <div className="page-state" role="alert">
        <h1>{t("broken")}</h1>
        <p className="mono small">{error.message}</p>
        <p className="quiet">{t("brokenNext")}</p>
        <p>
          <button type="button" className="button" onClick={() => location.reload()}>
            {t("loadAgain")}
          </button>
        </p>
      </div>
    </div>
  );
}

interface BrokenPartProps {
  readonly className: string;
  readonly error: Error;
  /** It was opened over the page. */
  readonly isOver: boolean;
  readonly onAgain: () => void;
}

function BrokenPart({ className, error, isOver, onAgain }: BrokenPartProps) {
  const t = useTexts("frame");
  return (
    <span className={`part-broken ${className}${isOver ? " is-over" : ""}`} role="alert" title={error.message}>
      <span className="clip">{t("partBroken")}</span>
      <button type="button" className="button is-small" onClick={onAgain}>
        {isOver ? t("close") : t("tryAgain")}
      </button>
    </span>
  );
}
