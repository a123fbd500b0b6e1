import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

import svelteConfig from "./svelte.config.js";

export default ts.config(
  { ignores: ["dist/", "dist-mock/", "node_modules/", "src/lib/bindings.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...ts.configs.stylistic,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, __MOCK__: "readonly" } } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    rules: {
      "max-lines": ["error", { max: 300, skipBlankLines: false }],
      "max-lines-per-function": ["error", 60],
      "max-depth": ["error", 4],
      "max-params": ["error", 4],
      eqeqeq: "error",
      "no-console": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/consistent-type-definitions": ["error", "type"],
    },
  },
  {
    files: ["**/*.svelte"],
    rules: {
      "svelte/no-inline-styles": ["error", { allowTransitions: false }],
      "svelte/no-at-html-tags": "error",
      "svelte/require-each-key": "error",
      "svelte/button-has-type": "error",
      "svelte/no-unused-class-name": ["error", { allowedClassNames: ["selectable", "visually-hidden"] }],
      "svelte/prefer-const": "error",
    },
  },
  {
    // Maps and sets here are replaced as a whole, or are nobody's business but their owner's.
    files: ["**/*.svelte", "**/*.svelte.ts"],
    rules: { "svelte/prefer-svelte-reactivity": "off" },
  },
  {
    // A catalogue is one list, and a test's outermost `describe` is no function to be read at a glance.
    files: ["src/lib/i18n/catalogues/*.ts", "**/*.test.ts"],
    rules: { "max-lines": ["error", { max: 600 }], "max-lines-per-function": "off" },
  },
);
