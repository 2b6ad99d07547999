import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ParleyError } from '../../../protocol/errors.ts';
import { fieldOf } from '../composer/text-field.ts';
import { span } from '../screen/line.ts';
import { sheetLines } from '../view/sheet-lines.ts';
import { Sheet } from './sheet.ts';
import type { SheetItem } from './sheet.ts';

const item = (text: string): SheetItem => ({ line: [span(text)], pick: () => {} });

function sheetOf(find: (query: string) => Promise<readonly SheetItem[]>): {
  sheet: Sheet;
  settled: () => Promise<void>;
} {
  const sheet = new Sheet({
    title: 'People',
    prompt: 'find',
    empty: 'Nobody.',
    find,
    isLocal: true,
    changed: () => {},
  });
  const settled = async (): Promise<void> => {
    while (sheet.isAsking) await turn();
  };
  return { sheet, settled };
}
const shown = (sheet: Sheet, rows = 6): readonly string[] =>
  sheetLines(sheet, { width: 30, rows }).lines.map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );

describe('a sheet', () => {
  it('lists what is found, and what is found by what is typed', async () => {
    const all = ['ann', 'anna', 'bob'];
    const { sheet, settled } = sheetOf((query) =>
      Promise.resolve(all.filter((one) => one.startsWith(query)).map(item)),
    );
    await settled();
    expect(shown(sheet)).toEqual([' People  (Esc closes)', 'find:', 'ann', 'anna', 'bob']);
    sheet.edit(fieldOf('an'));
    await settled();
    expect(shown(sheet)).toEqual([' People  (Esc closes)', 'find: an', 'ann', 'anna']);
  });

  it('shows the answer to what was typed last, however late others come', async () => {
    const answers = new Map<string, (items: readonly SheetItem[]) => void>();
    const { sheet, settled } = sheetOf((query) => new Promise((resolve) => answers.set(query, resolve)));
    sheet.edit(fieldOf('b'));
    await turn();
    answers.get('b')!([item('bob')]);
    await settled();
    answers.get('')!([item('everybody')]);
    await turn();
    expect(shown(sheet)).toContain('bob');
    expect(shown(sheet)).not.toContain('everybody');
  });

  it('says why nothing could be found, and that nothing was', async () => {
    const failing = sheetOf(() => Promise.reject(new ParleyError('cannot_connect', 'No node answers.')));
    await failing.settled();
    expect(shown(failing.sheet)).toContain('No node answers.');
    const empty = sheetOf(() => Promise.resolve([]));
    await empty.settled();
    expect(shown(empty.sheet)).toContain('Nobody.');
  });

  it('moves within what there is, and shows where it is', async () => {
    const { sheet, settled } = sheetOf(() => Promise.resolve(Array.from({ length: 30 }, (_, i) => item(`row ${i}`))));
    await settled();
    sheet.move(-5);
    expect(sheet.selected).toBe(0);
    sheet.move(100);
    expect(sheet.selected).toBe(29);
    expect(shown(sheet)).toContain('row 29');
    expect(shown(sheet, 1)).toEqual([' People  (Esc closes)']);
  });
});
