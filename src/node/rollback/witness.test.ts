import { describe, expect, it } from 'vitest';
import { makeMessage, MessageType, type Message } from '../../consensus/message.ts';
import { peerId, type LogIndex, type PeerId, type Term } from '../../consensus/types.ts';
import { withStart, type Lineage } from './lineage.ts';
import { NO_PROMISES, type Promises } from './promises.ts';
import { reasonAgainst, Witness, type Life } from './witness.ts';

const PEER = peerId(3);
const promises = (term: number, index: number): Promises => ({
  ...NO_PROMISES,
  term: term as Term,
  entry: { term: term as Term, index: index as LogIndex },
});
const lineage = (since: number | null, ...starts: number[]): Lineage => ({ since, starts });
const life = (boot: number, of: Lineage, said: Promises, fields: Partial<Life> = {}): Life => ({
  peer: PEER,
  boot,
  lineage: of,
  promises: said,
  isConfirmed: false,
  refusal: null,
  ...fields,
});
const fresh = (): Witness => new Witness([], (_, term) => term);
const appendResponse = (fields: Partial<Message>): Message =>
  makeMessage(MessageType.appResp, { from: PEER, to: peerId(1), ...fields });

describe('a witness', () => {
  it('answers a start that is new to it, and one that nobody has confirmed', () => {
    const witness = fresh();
    expect(witness.meet(life(10, lineage(0, 10), promises(1, 5)))).toBe(true);
    expect(witness.of(PEER)).toMatchObject({ boot: 10, promises: promises(1, 5) });
    expect(witness.meet(life(10, lineage(0, 10), promises(1, 6)))).toBe(true);
    expect(witness.meet(life(10, lineage(10, 10), promises(1, 7), { isConfirmed: true }))).toBe(false);
    expect(witness.refuses(PEER)).toBe(false);
  });

  it('refuses a directory that does not know of the start it knows', () => {
    const witness = fresh();
    witness.meet(life(20, lineage(10, 10, 20), promises(1, 5)));
    expect(witness.meet(life(30, lineage(10, 10, 30), promises(9, 99)))).toBe(true);
    expect(witness.refuses(PEER)).toBe(true);
    expect(reasonAgainst(life(30, lineage(10, 10, 30), promises(9, 99)), witness.of(PEER))).toContain('last started');
  });

  it('goes on refusing it however often it is started, and whoever confirms it', () => {
    const witness = fresh();
    witness.meet(life(20, lineage(10, 10, 20), promises(1, 5)));
    let old = lineage(10, 10);
    for (const boot of [30, 31, 32]) {
      old = withStart(old, boot);
      witness.meet(life(boot, old, promises(2, 6)));
      expect(witness.refuses(PEER)).toBe(true);
    }
    witness.meet(life(40, lineage(33, 33, 40), promises(3, 7)));
    expect(witness.refuses(PEER)).toBe(true);
    const again = new Witness(
      witness.take(() => true),
      (_, term) => term,
    );
    expect(again.refuses(PEER)).toBe(true);
  });

  it('believes the right directory once that is put back', () => {
    const witness = fresh();
    witness.meet(life(20, lineage(10, 10, 20), promises(1, 5)));
    witness.meet(life(30, lineage(10, 10, 30), promises(1, 5)));
    witness.meet(life(40, lineage(10, 10, 20, 40), promises(1, 5)));
    expect(witness.refuses(PEER)).toBe(false);
    expect(witness.of(PEER).boot).toBe(40);
  });

  it('takes starts that it missed, and records that were lost, for what they are', () => {
    const witness = fresh();
    witness.meet(life(20, lineage(20, 20), promises(1, 5)));
    witness.meet(life(50, lineage(40, 40, 50), promises(1, 6)));
    expect(witness.refuses(PEER)).toBe(false);
    witness.meet(life(60, lineage(null, 60), promises(1, 6)));
    expect(witness.refuses(PEER)).toBe(false);
  });

  it('does not listen to a copy of the last start that lacks what was acknowledged, until it has answered', () => {
    const witness = fresh();
    witness.meet(life(20, lineage(0, 20), promises(1, 5)));
    witness.heard(appendResponse({ term: 1 as Term, index: 8 as LogIndex }));
    const copy = life(30, lineage(0, 20, 30), promises(1, 5));
    expect(witness.meet(copy)).toBe(true);
    expect(witness.refuses(PEER)).toBe(true);
    expect(reasonAgainst(copy, witness.of(PEER))).toContain('before it acknowledged entry 8');
    // What it said of itself was older than what it had acknowledged since: now it says more.
    expect(witness.meet(life(30, lineage(0, 20, 30), promises(1, 9)))).toBe(true);
    expect(witness.refuses(PEER)).toBe(false);
  });

  it('remembers a vote, and the term of a refusal', () => {
    const witness = fresh();
    witness.heard(makeMessage(MessageType.voteResp, { from: PEER, to: peerId(2), term: 4 as Term }));
    expect(witness.of(PEER).promises).toMatchObject({ term: 4, vote: 2 });
    witness.heard(makeMessage(MessageType.voteResp, { from: PEER, to: peerId(1), term: 6 as Term, reject: true }));
    expect(witness.of(PEER).promises).toMatchObject({ term: 6, vote: 0 });
    witness.heard(appendResponse({ term: 7 as Term, index: 50 as LogIndex, reject: true }));
    expect(witness.of(PEER).promises).toMatchObject({ term: 7, entry: { index: 0 } });
  });

  it.each([
    MessageType.vote,
    MessageType.app,
    MessageType.heartbeat,
    MessageType.heartbeatResp,
    MessageType.preVoteResp,
  ])('concludes nothing from %s, which leaves before anything is on disk', (type) => {
    const witness = fresh();
    witness.heard(makeMessage(type, { from: PEER, to: peerId(1), term: 4 as Term }));
    expect(witness.of(PEER).promises).toBe(NO_PROMISES);
  });

  it('does not guess which entry was acknowledged to another leader', () => {
    const witness = new Witness([], () => undefined);
    witness.heard(appendResponse({ term: 7 as Term, index: 50 as LogIndex }));
    expect(witness.of(PEER).promises).toMatchObject({ term: 7, entry: { index: 0 } });
  });

  it('believes whoever says that it is an old copy', () => {
    const witness = fresh();
    expect(witness.meet(life(20, lineage(0, 20), promises(1, 5), { refusal: 'an old copy' }))).toBe(false);
    expect(witness.refuses(PEER)).toBe(true);
  });

  it('forgets peers that are gone, and has nothing to write when nothing is new', () => {
    const witness = fresh();
    witness.meet(life(20, lineage(0, 20), promises(1, 5)));
    expect(witness.isDirty).toBe(true);
    expect(witness.take(() => true)).toHaveLength(1);
    witness.meet(life(20, lineage(0, 20), promises(1, 5)));
    expect(witness.isDirty).toBe(false);
    expect(witness.take((peer: PeerId) => peer !== PEER)).toEqual([]);
  });
});
