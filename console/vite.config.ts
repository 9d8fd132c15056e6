import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Smaller ones are sent as they are. */
const COMPRESSED_BYTES_MIN = 1024;

/** Beside each file its Brotli and gzip form: the centre compresses nothing while it serves. */
function precompressed(): Plugin {
  return {
    name: "precompressed",
    apply: "build",
    writeBundle: {
      order: "post",
      handler: ({ dir = "" }, bundle) => {
        for (const name of Object.keys(bundle)) {
          if (name === "index.html") continue;
          const file = `${dir}/${name}`;
          const content = readFileSync(file);
          if (content.length < COMPRESSED_BYTES_MIN || /\.(?:png|webp|woff2)$/.test(name)) continue;
          writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
          writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
        }
      },
    },
  };
}

/** What the login needs: loaded before anybody is known. */
const FIRST =
  /\/console\/src\/(?:main|texts\/index|styles\/|pages\/(?:index\.|login\/)|frame\/(?:Door|door|early|page-parts|Guard|Mark|look|renewal)\b|parts\/later\.|api\/(?:live|notice|request|secret|session|session-end|staleness|stream)\.)|\/node_modules\/(?:react|react-dom|scheduler|i18next)\//;
/** What all pages have in common: loaded once, behind the login. In pieces of some hundred bytes, as they would be cut else, a first visit of a page asks thirty times. */
const COMMON = /\/console\/src\/(?:(?:frame|api|parts)\/[^/]+|parts\/manifest\/(?:ManifestTab|NewObject|drafts|templates)\.\w+)$/;
/** What pages have of each other, where it is small. */
const SHARED = /\/console\/src\/pages\//;
const SHARED_BYTES_MAX = 12_000;

// Everything by its own address below /console/, nothing inlined: the page's policy allows neither inline scripts nor styles.
export default defineConfig({
  base: "/console/",
  build: {
    outDir: process.env["CONSOLE_OUT"] ?? "built/dev",
    emptyOutDir: true,
    // Kylin and UOS ship it.
    target: "chrome110",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "first", test: FIRST, priority: 2 },
            { name: "common", test: COMMON, priority: 1 },
            { name: "shared", test: SHARED, minShareCount: 2, maxModuleSize: SHARED_BYTES_MAX, priority: 1 },
          ],
        },
      },
    },
    reportCompressedSize: false,
    sourcemap: false,
  },
  worker: { format: "es" },
  plugins: [precompressed()],
});
