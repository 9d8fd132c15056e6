import type { PageEntry } from "../pages/index.ts";
import { useModal } from "../parts/useModal.ts";
import { useTexts } from "../texts/index.ts";

/** Which keys do what. Opened by `?`. */
export function Keys({ pages, onClose }: { readonly pages: readonly PageEntry[]; readonly onClose: () => void }) {
  const t = useTexts("frame");
  const dialog = useModal();
  const common = [
    ["Ctrl K", t("keys.palette")],
    ["/", t("keys.search")],
    ["↑ ↓", t("keys.walk")],
    ["Enter", t("keys.open")],
    ["Esc", t("keys.close")],
    ["← →", t("keys.tabs")],
    ["?", t("keys.keys")],
  ] as const;
  return (
    <dialog
      ref={dialog}
      className="palette keys"
      aria-label={t("commands.keys")}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className="keys-box">
        <h2>{t("commands.keys")}</h2>
        <dl>
          {common.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
          {pages
            .filter(({ key }) => key !== undefined)
            .map(({ id, key }) => (
              <div key={id}>
                <dt>
                  <kbd>g {key}</kbd>
                </dt>
                <dd>{t(`pages.${id}`)}</dd>
              </div>
            ))}
        </dl>
        <button type="button" className="button" autoFocus onClick={onClose}>
          {t("close")}
        </button>
      </div>
    </dialog>
  );
}
