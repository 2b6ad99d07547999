import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { peerId, type LogIndex, type Term } from '../../consensus/types.ts';
import { forgotten, joined, lastingPart, NO_PROMISES, type Promises } from './promises.ts';

const promises = (term: number, vote: number, entryTerm: number, index: number): Promises => ({
  term: term as Term,
  vote: vote === 0 ? NO_PROMISES.vote : peerId(vote),
  entry: { term: entryTerm as Term, index: index as LogIndex },
});

describe('what a peer has forgotten', () => {
  const known = promises(5, 2, 5, 100);

  it.each([
    ['nothing, when it has as much', promises(5, 2, 5, 100), undefined],
    ['nothing, when its log has grown', promises(5, 2, 5, 101), undefined],
    ['nothing, when it is in a later term, whatever its log is', promises(6, 0, 4, 40), undefined],
    ['its term', promises(4, 2, 4, 200), 'before it entered term 5'],
    ['its vote', promises(5, 0, 5, 100), 'before it voted in term 5'],
    ['whom it voted for', promises(5, 1, 5, 100), 'before it voted in term 5'],
    ['an entry', promises(5, 2, 5, 99), 'before it acknowledged entry 100'],
    ['an entry, though its log has longer remains of an older term', promises(5, 2, 4, 200), 'entry 100'],
  ])('is %s', (_, said, reason) => {
    if (reason === undefined) expect(forgotten(said, known)).toBeUndefined();
    else expect(forgotten(said, known)).toContain(reason);
  });

  it('does not count the end of a log that the leader of its term may still replace', () => {
    expect(lastingPart(promises(5, 2, 4, 200))).toEqual(promises(5, 2, 0, 0));
    expect(lastingPart(known)).toBe(known);
  });

  it('can be told in whatever order its promises became known', () => {
    const any = fc
      .tuple(fc.nat({ max: 3 }), fc.nat({ max: 1 }), fc.nat({ max: 3 }), fc.nat({ max: 3 }))
      .map(([term, vote, entryTerm, index]) => promises(term, vote, Math.min(term, entryTerm), index));
    fc.assert(
      fc.property(fc.array(any), any, (history, said) => {
        const forth = history.reduce(joined, NO_PROMISES);
        const back = history.toReversed().reduce(joined, NO_PROMISES);
        expect(back).toEqual(forth);
        const lacks = history.some((one) => forgotten(said, one) !== undefined);
        expect(forgotten(said, forth) !== undefined).toBe(lacks);
      }),
    );
  });
});
