import { describe, expect, it } from 'vitest';
import { Composer } from './composer.ts';

const NAMES = ['ann', 'anna', 'bob'];
const WIDTH = 40;

function composer(): { composer: Composer; changes: string[]; type: (text: string) => void } {
  const changes: string[] = [];
  const one = new Composer({ changed: (text) => changes.push(text) });
  const type = (text: string): void => {
    for (const letter of text) one.insert(letter, NAMES);
  };
  return { composer: one, changes, type };
}

describe('the composer', () => {
  it('tells of every change of the text, and of nothing else', () => {
    const { composer: one, changes, type } = composer();
    type('hi');
    one.edit('left', NAMES);
    one.edit('backspace', NAMES);
    one.show('a draft');
    expect(changes).toEqual(['h', 'hi', 'i']);
  });

  it('offers names, takes the chosen one, and offers nothing then', () => {
    const { composer: one, type } = composer();
    type('hi @an');
    expect(one.completion?.offers.map(({ label }) => label)).toEqual(['@ann', '@anna']);
    one.nextOffer(1);
    expect(one.complete()).toBe(true);
    expect(one.field).toEqual({ text: 'hi @anna ', cursor: 9 });
    expect(one.completion).toBeNull();
    expect(one.complete()).toBe(false);
  });

  it('goes round through what is offered', () => {
    const { composer: one, type } = composer();
    type('@an');
    one.nextOffer(-1);
    expect(one.completion?.next).toBe(1);
    one.nextOffer(1);
    expect(one.completion?.next).toBe(0);
  });

  it('completes emoji and commands, and sends emoji that were written by name', () => {
    const { composer: one, type } = composer();
    type(':thumbsu');
    one.complete();
    expect(one.text).toBe('👍');
    one.show('');
    type('/invi');
    one.complete();
    expect(one.field.text).toBe('/invite ');
    one.show('fine :+1:');
    expect(one.text).toBe('fine 👍');
  });

  it('moves between rows first, then to what was sent before, and back to what was being typed', () => {
    const { composer: one, type } = composer();
    one.sent('first');
    one.sent('second');
    type('new\nrow');
    one.moveRow(-1, WIDTH);
    expect(one.field).toEqual({ text: 'new\nrow', cursor: 3 });
    one.moveRow(-1, WIDTH);
    expect(one.field.text).toBe('second');
    one.moveRow(-1, WIDTH);
    expect(one.field.text).toBe('first');
    one.moveRow(-1, WIDTH);
    expect(one.field.text).toBe('first');
    one.moveRow(1, WIDTH);
    one.moveRow(1, WIDTH);
    expect(one.field.text).toBe('new\nrow');
  });

  it('is empty once something was sent', () => {
    const { composer: one, changes, type } = composer();
    type('x');
    one.sent('x');
    expect(one.field).toEqual({ text: '', cursor: 0 });
    expect(changes.at(-1)).toBe('');
  });
});
