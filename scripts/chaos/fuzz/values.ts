import type { JsonSchema } from '../../../src/api/docs/json-schema.ts';
import type { Dice } from './dice.ts';

/** What has broken programs before: empty, huge, of another kind, of another script, or meant for somebody else. */
const ODD_TEXTS = [
  '',
  ' ',
  '\0',
  'null',
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  '%2e%2e%2f',
  '%00',
  '%',
  '${7*7}',
  "' OR 1=1 --",
  '<script>alert(1)</script>',
  '\u202eABC',
  '\ud800',
  '\ufeffname',
  '𝕬𝖉𝖆',
  'é\u0301',
  '\r\nSet-Cookie: a=b',
  '-1',
  '1e400',
  'NaN',
  'A'.repeat(300),
  'A'.repeat(5_000),
  '🂡'.repeat(200),
];
const ODD_NUMBERS = [-1, 0, 0.5, 1e21, -1e21, 2 ** 31, 2 ** 53, Number.MAX_VALUE, 5e-324];
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const DEPTH_MAX = 4;
const NESTED_MAX = 200;

/** Ids and secrets that exist, by the letter or form by which fields know them. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** A JSON value that a schema may, or may just not, have meant. */
export function valueFor(schema: JsonSchema, name: string, dice: Dice, known: Known, depth = 0): unknown {
  if (dice.oneIn(12)) return oddValue(dice, depth);
  if (schema.const !== undefined) return schema.const;
  if (schema.anyOf !== undefined) return valueFor(dice.pick(schema.anyOf), name, dice, known, depth + 1);
  if (schema.type === 'object') return objectFor(schema, dice, known, depth);
  if (schema.type === 'array') return arrayFor(schema, name, dice, known, depth);
  if (schema.type === 'boolean') return dice.oneIn(2);
  if (schema.type === 'integer' || schema.type === 'number') return numberFor(schema, dice);
  if (schema.type === 'null') return null;
  return textFor(schema, name, dice, known);
}

function objectFor({ properties = {} }: JsonSchema, dice: Dice, known: Known, depth: number): object {
  const entries = Object.entries(properties).flatMap(([name, field]): [string, unknown][] =>
    dice.oneIn(10) ? [] : [[name, valueFor(field, name, dice, known, depth + 1)]],
  );
  if (dice.oneIn(15)) entries.push([dice.pick(ODD_TEXTS), oddValue(dice, depth)]);
  return Object.fromEntries(entries);
}

function arrayFor({ items }: JsonSchema, name: string, dice: Dice, known: Known, depth: number): unknown[] {
  if (depth > DEPTH_MAX) return [];
  const kinds = Array.isArray(items) ? (items as readonly JsonSchema[]) : [(items ?? {}) as JsonSchema];
  const length = dice.oneIn(40) ? NESTED_MAX : dice.below(4);
  return Array.from({ length }, () => valueFor(dice.pick(kinds), name, dice, known, depth + 1));
}

function numberFor({ minimum = 0, maximum = 1_000 }: JsonSchema, dice: Dice): number {
  if (dice.oneIn(6)) return dice.pick(ODD_NUMBERS);
  if (dice.oneIn(6)) return dice.pick([minimum, maximum, minimum - 1, maximum + 1]);
  return minimum + dice.below(Math.min(maximum - minimum, 1_000) + 1);
}

function textFor({ pattern, maxLength }: JsonSchema, name: string, dice: Dice, known: Known): string {
  if (dice.oneIn(8)) return dice.pick(ODD_TEXTS);
  const real = known[name];
  if (real !== undefined && real.length > 0 && !dice.oneIn(5)) return dice.pick(real);
  if (pattern?.includes('[0-7][0-9A-HJ') === true) return `0${dice.text(CROCKFORD, 25)}`;
  const letter = /^\^\[?([A-Z])/.exec(pattern ?? '')?.[1];
  if (letter !== undefined && pattern?.includes('a-z2-7') === true) return letter + dice.text(BASE32, 26);
  if (pattern === '^[A-Za-z0-9_-]*$') return dice.text(BASE64URL, dice.oneIn(3) ? dice.below(90) : (maxLength ?? 43));
  return dice.text(BASE32, dice.below(40));
}

export function oddValue(dice: Dice, depth: number): unknown {
  switch (dice.below(depth > DEPTH_MAX ? 4 : 7)) {
    case 0:
      return dice.pick(ODD_TEXTS);
    case 1:
      return dice.pick(ODD_NUMBERS);
    case 2:
      return null;
    case 3:
      return dice.oneIn(2);
    case 4:
      return Array.from({ length: dice.below(4) }, () => oddValue(dice, depth + 1));
    case 5:
      return { [dice.pick(ODD_TEXTS)]: oddValue(dice, depth + 1) };
    default:
      return nested(dice.below(NESTED_MAX));
  }
}

export const oddText = (dice: Dice): string => dice.pick(ODD_TEXTS);

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let i = 0; i < levels; i += 1) value = [value];
  return value;
}

/** A text with a few of its characters changed, left out or doubled. */
export function damaged(text: string, dice: Dice): string {
  let changed = text;
  for (let i = dice.below(4); i >= 0; i -= 1) {
    const at = dice.below(changed.length + 1);
    const put = dice.oneIn(3) ? '' : String.fromCharCode(dice.below(dice.oneIn(5) ? 0x3000 : 0x80));
    changed = changed.slice(0, at) + put + changed.slice(at + dice.below(3));
  }
  return changed;
}
