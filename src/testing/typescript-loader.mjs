// Lets plain Node run the TypeScript sources, for tests that need a process of their own:
// `node --import <this file> program.ts`. Types are stripped, not checked.
import { readFile } from 'node:fs/promises';
import { createRequire, register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

let typescript;

/** The JavaScript of a module of ours. */
export function transpile(source) {
  typescript ??= createRequire(import.meta.url)('typescript');
  const { ModuleKind, ScriptTarget } = typescript;
  return typescript.transpileModule(source, {
    compilerOptions: {
      module: ModuleKind.ESNext,
      target: ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  }).outputText;
}

export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
  return { format: 'module', source: transpile(await readFile(fileURLToPath(url), 'utf8')), shortCircuit: true };
}
