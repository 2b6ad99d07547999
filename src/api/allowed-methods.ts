import type { App } from './context.ts';

/** Remembers which methods exist for which path, to tell "no such thing" from "not like this". */
export class AllowedMethods {
  readonly #routes: { readonly pattern: RegExp; readonly methods: Set<string> }[] = [];

  /** Has to be called before the routes are added. */
  watch(app: App): void {
    app.addHook('onRoute', ({ url, method }) => {
      const pattern = patternOf(url);
      let route = this.#routes.find(({ pattern: known }) => known.source === pattern.source);
      if (route === undefined) {
        route = { pattern, methods: new Set() };
        this.#routes.push(route);
      }
      for (const name of Array.isArray(method) ? method : [method]) route.methods.add(name);
    });
  }

  /** Methods of a path, empty when there is no such path. */
  of(url: string): readonly string[] {
    const [path = ''] = url.split('?');
    const found = new Set<string>();
    for (const { pattern, methods } of this.#routes) {
      if (pattern.test(path)) for (const method of methods) found.add(method);
    }
    return [...found];
  }
}

function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replace(/:[A-Za-z]+/g, '[^/]+')}$`);
}
