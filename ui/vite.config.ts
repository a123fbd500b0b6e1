import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/**
 * What the panel may load: its own files, and the shell's IPC. The shell sets the same policy; the page repeats it so
 * that a test in an ordinary browser proves the panel can live with it. The dev server needs inline styles, so it has none.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' ipc: http://ipc.localhost",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const contentSecurityPolicy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: POLICY },
      injectTo: "head-prepend",
    },
  ],
};

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), contentSecurityPolicy],
  base: "./",
  clearScreen: false,
  define: { __MOCK__: JSON.stringify(mode !== "production") },
  resolve: mode === "test" ? { conditions: ["browser"] } : {},
  server: { port: 1420, strictPort: true, host: "127.0.0.1" },
  build: {
    target: "safari16",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 300,
  },
  test: {
    projects: [
      {
        extends: true,
        test: { name: "plain", include: ["src/**/*.test.ts"], exclude: ["**/*.dom.test.ts"] },
      },
      {
        extends: true,
        test: {
          name: "dom",
          include: ["src/**/*.dom.test.ts"],
          environment: "happy-dom",
          testTimeout: 30_000,
          setupFiles: ["src/test/setup.ts"],
        },
      },
    ],
  },
}));
