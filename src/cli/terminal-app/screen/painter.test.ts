import xterm from '@xterm/headless';
import { describe, expect, it } from 'vitest';
import { span } from './line.ts';
import { Painter } from './painter.ts';
import { hasColours, sgrOf } from './style.ts';
import type { Frame } from './painter.ts';

const frameOf = (texts: readonly string[], cursor: Frame['cursor'] = null): Frame => ({
  rows: texts.map((text) => [{ column: 0, line: [span(text)] }]),
  cursor,
});

/** What xterm.js shows after so many frames. */
async function shown(
  painter: Painter,
  ...frames: readonly Frame[]
): Promise<{ rows: string[]; cursor: [number, number] }> {
  const terminal = new xterm.Terminal({ cols: 20, rows: 3, allowProposedApi: true });
  for (const frame of frames) await new Promise<void>((resolve) => terminal.write(painter.paint(frame), resolve));
  const { active } = terminal.buffer;
  const rows = Array.from({ length: 3 }, (_, i) => active.getLine(i)!.translateToString(true));
  return { rows, cursor: [active.cursorY, active.cursorX] };
}

describe('the painter', () => {
  it('draws a frame and puts the cursor where one types', async () => {
    const { rows, cursor } = await shown(new Painter(true), frameOf(['one', 'two', 'three'], { row: 1, column: 2 }));
    expect(rows).toEqual(['one', 'two', 'three']);
    expect(cursor).toEqual([1, 2]);
  });

  it('leaves nothing of a longer row before', async () => {
    const frames = [frameOf(['a long row of text', 'x', 'y']), frameOf(['short', 'x', 'y'])];
    expect((await shown(new Painter(true), ...frames)).rows).toEqual(['short', 'x', 'y']);
  });

  it('sends only rows that have changed, and nothing for the same frame', () => {
    const painter = new Painter(true);
    painter.paint(frameOf(['one', 'two', 'three']));
    const text = painter.paint(frameOf(['one', 'TWO', 'three']));
    expect(text).toContain('TWO');
    expect(text).not.toContain('one');
    expect(painter.paint(frameOf(['one', 'TWO', 'three']))).toBe('');
    painter.forget();
    expect(painter.paint(frameOf(['one', 'TWO', 'three']))).toContain('one');
  });

  it('begins a segment at its column, however wide the one before turned out', async () => {
    // xterm.js takes this emoji for narrower than most terminals do.
    const rows = [
      { column: 0, line: [span('👩‍👩‍👧 list')] },
      { column: 10, line: [span('│feed')] },
    ];
    const { rows: seen } = await shown(new Painter(true), { rows: [rows], cursor: null });
    expect(seen[0]!.endsWith('│feed')).toBe(true);
  });
});

describe('styles', () => {
  it('have no colours where none are wanted, but are told apart', () => {
    expect(sgrOf('danger', true)).toBe('\u001B[0;1;31m');
    expect(sgrOf('danger', false)).toBe('\u001B[0;1m');
    expect(sgrOf('openBar', false)).toBe('\u001B[0;1;7m');
    expect(hasColours({ NO_COLOR: '1' })).toBe(false);
    expect(hasColours({ NO_COLOR: '', TERM: 'xterm' })).toBe(true);
    expect(hasColours({ TERM: 'dumb' })).toBe(false);
  });
});
