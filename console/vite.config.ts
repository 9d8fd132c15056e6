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
    reportCompressedSize: false,
    sourcemap: false,
  },
  worker: { format: "es" },
  plugins: [precompressed()],
});
