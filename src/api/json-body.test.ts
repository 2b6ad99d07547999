import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { isDeeper, parseJson } from './json-body.ts';

/** What the bound means, on a value that was parsed. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('JSON of strangers', () => {
  it('is as deep as its brackets outside of strings', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.integer({ min: 0, max: 8 }), (value, depthMax) => {
        expect(isDeeper(JSON.stringify(value), depthMax)).toBe(depthOf(value) > depthMax);
      }),
    );
  });

  it('is not deep for brackets and escapes in strings', () => {
    const text = JSON.stringify({ a: '[[[[{{{{"\\', b: String.raw`\"[[[[` });
    expect(isDeeper(text, 1)).toBe(false);
    expect(parseJson(text, 1)).toEqual(JSON.parse(text));
  });

  it('is refused when it is too deep, however it ends', () => {
    for (const text of ['['.repeat(1e5), '{"a":'.repeat(1e5), `${'['.repeat(1e5)}${']'.repeat(1e5)}`]) {
      expect(() => parseJson(text, 16)).toThrow(/nested deeper/);
    }
  });
});
