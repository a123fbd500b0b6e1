// The language on the screen. Components ask it for every word, so a change shows at once.

import type { Language } from "../bindings";
import { loadTranslator, resolve } from "../i18n/locale";
import type { Translate, Translator } from "../i18n/translate";

export class I18n {
  #translator = $state.raw() as Translator;

  constructor(translator: Translator) {
    this.#translator = translator;
  }

  static async load(language: Language): Promise<I18n> {
    return new I18n(await loadTranslator(resolve(language, navigator.languages)));
  }

  get translator(): Translator {
    return this.#translator;
  }

  get t(): Translate {
    return this.#translator.t;
  }

  async use(language: Language): Promise<void> {
    this.#translator = await loadTranslator(resolve(language, navigator.languages));
    document.documentElement.lang = this.#translator.locale;
  }
}
