// Lets one process run the same sources several times, each time with another planted bug: a module that is imported
// as `…?mutant=NAME` gets the edits of that bug, and so do all modules of ours that it imports. Edits are made to the
// source text, before types are stripped; what they look for has to be there exactly once.
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transpile } from '../typescript-loader.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** @type {Map<string, readonly { file: string, find: string, replace: string }[]>} */
const editsOf = new Map();
/** Sources that no bug touches are transpiled once. */
const transpiled = new Map();

export function initialize({ mutants }) {
  for (const { name, edits } of mutants) editsOf.set(name, edits);
}

export async function resolve(specifier, context, nextResolve) {
  const resolved = await nextResolve(specifier, context);
  const mutant = mutantOf(context.parentURL);
  if (mutant === null || mutantOf(resolved.url) !== null || !isOurs(resolved.url)) return resolved;
  return { ...resolved, url: `${resolved.url}?mutant=${mutant}` };
}

export async function load(url, context, nextLoad) {
  const mutant = mutantOf(url);
  if (mutant === null) return nextLoad(url, context);
  const path = fileURLToPath(url);
  const edits = (editsOf.get(mutant) ?? []).filter(({ file }) => file === relative(ROOT, path));
  let source = edits.length === 0 ? transpiled.get(path) : undefined;
  if (source === undefined) {
    source = transpile(edit(await readFile(path, 'utf8'), mutant, edits));
    if (edits.length === 0) transpiled.set(path, source);
  }
  return { format: 'module', source, shortCircuit: true };
}

const mutantOf = (url) => (url?.startsWith('file:') ? new URL(url).searchParams.get('mutant') : null);
const isOurs = (url) => url.startsWith('file:') && url.endsWith('.ts') && !url.includes('/node_modules/');

function edit(source, mutant, edits) {
  for (const { file, find, replace } of edits) {
    const parts = source.split(find);
    if (parts.length !== 2) throw new Error(`${mutant}: ${file} has its place ${parts.length - 1} times, not once`);
    source = parts.join(replace);
  }
  return source;
}
