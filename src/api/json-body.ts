import { ParleyError } from '../protocol/errors.ts';

/**
 * JSON of strangers. The nesting is bounded before anything is parsed, so that neither the parser nor anything that
 * walks the value later can be driven out of stack.
 *
 * @throws ParleyError `malformed_json`
 */
export function parseJson(text: string, depthMax: number): unknown {
  if (isDeeper(text, depthMax)) {
    throw new ParleyError('malformed_json', `The JSON is nested deeper than ${depthMax} levels.`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ParleyError('malformed_json', undefined, { cause });
  }
}

/** Whether objects and arrays nest deeper than `depthMax`; brackets inside strings do not count. */
export function isDeeper(text: string, depthMax: number): boolean {
  // Usual bodies have fewer brackets than the limit in all, and `indexOf` skips their long strings at memory speed.
  if (!hasMoreThan(text, '[', '{', depthMax)) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (++depth > depthMax) return true;
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth--;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function hasMoreThan(text: string, a: string, b: string, count: number): boolean {
  let found = 0;
  for (const character of [a, b]) {
    let at = text.indexOf(character);
    while (at >= 0) {
      if (++found > count) return true;
      at = text.indexOf(character, at + 1);
    }
  }
  return false;
}
