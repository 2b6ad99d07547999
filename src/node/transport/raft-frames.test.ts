import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeMessage, MessageType, type Message } from '../../consensus/message.ts';
import { EntryType, logIndex, peerId, term, type PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { decodeShared, encodeShared, planRaftFrames } from './raft-frames.ts';

const from = peerId(1);
const append = (to: number, index: number, dataBytes = 3): Message =>
  makeMessage(MessageType.app, {
    to: peerId(to),
    from,
    term: term(2),
    logTerm: term(2),
    index: logIndex(index),
    commit: logIndex(index),
    entries: [{ term: term(2), index: logIndex(index + 1), type: EntryType.normal, data: new Uint8Array(dataBytes) }],
  });
const beat = (to: number, commit: number): Message =>
  makeMessage(MessageType.heartbeat, { to: peerId(to), from, term: term(2), commit: logIndex(commit) });

/** What each peer gets, in order, when every frame arrives. */
function delivered(messages: readonly Message[]): Map<PeerId, Message[]> {
  const inboxes = new Map<PeerId, Message[]>();
  const put = (to: PeerId, message: Message): void => {
    inboxes.set(to, [...(inboxes.get(to) ?? []), { ...message, to }]);
  };
  for (const frame of planRaftFrames(messages)) {
    if ('addressees' in frame) for (const to of frame.addressees) put(to, frame.message);
    else for (const message of frame.messages) put(frame.to, message);
  }
  return inboxes;
}

describe('planRaftFrames', () => {
  it('sends one append to several peers once', () => {
    const frames = planRaftFrames([append(2, 7), append(3, 7)]);
    expect(frames).toEqual([{ addressees: [2, 3], message: append(2, 7) }]);
  });

  it('sends pipelined appends to several peers once each', () => {
    const frames = planRaftFrames([append(2, 7), append(2, 8), append(3, 7), append(3, 8)]);
    expect(frames).toEqual([
      { addressees: [2, 3], message: append(2, 7) },
      { addressees: [2, 3], message: append(2, 8) },
    ]);
  });

  it('leaves a peer that lags behind out of it', () => {
    const frames = planRaftFrames([append(2, 7), append(3, 4), append(4, 7)]);
    expect(frames).toEqual([
      { addressees: [2, 4], message: append(2, 7) },
      { to: 3, messages: [append(3, 4)] },
    ]);
  });

  it.each([
    ['commit', { commit: logIndex(6) }],
    ['term', { term: term(3) }],
    ['logTerm', { logTerm: term(1) }],
    ['entries', { entries: [] }],
    ['context', { context: Uint8Array.of(1) }],
  ])('does not merge appends that differ in %s', (_name, change) => {
    expect(planRaftFrames([append(2, 7), { ...append(3, 7), ...change }])).toHaveLength(2);
  });

  it('puts everything else for one peer into one frame', () => {
    expect(planRaftFrames([beat(2, 1), beat(3, 1), beat(2, 2)])).toEqual([
      { to: 2, messages: [beat(2, 1), beat(2, 2)] },
      { to: 3, messages: [beat(3, 1)] },
    ]);
  });

  it('closes frames that grow large', () => {
    const frames = planRaftFrames([append(2, 1, 150_000), append(2, 2, 150_000), append(2, 3, 10)]);
    expect(frames.map((frame) => ('messages' in frame ? frame.messages.length : 0))).toEqual([1, 2]);
  });

  it('gives every peer exactly its messages in their order, whatever the mixture', () => {
    const message = fc.oneof(
      fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 4 })).map(([to, index]) => append(to, index)),
      fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 9 })).map(([to, commit]) => beat(to, commit)),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 14 }), (messages) => {
        const inboxes = delivered(messages);
        for (const to of [2, 3, 4, 5].map(peerId)) {
          expect(inboxes.get(to) ?? []).toEqual(messages.filter((sent) => sent.to === to));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('shared frames', () => {
  it('bring each addressee its message and nobody else any', () => {
    const payload = encodeShared([peerId(2), peerId(Number.MAX_SAFE_INTEGER)], append(2, 7));
    expect(decodeShared(payload, peerId(2))).toEqual(append(2, 7));
    expect(decodeShared(payload, peerId(Number.MAX_SAFE_INTEGER))).toEqual(append(Number.MAX_SAFE_INTEGER, 7));
    expect(decodeShared(payload, peerId(3))).toBeUndefined();
  });

  it('are refused when cut short', () => {
    const payload = encodeShared([peerId(2)], append(2, 7));
    for (let length = 0; length < payload.length; length += 1) {
      let thrown: unknown;
      try {
        decodeShared(payload.subarray(0, length), peerId(2));
      } catch (error) {
        thrown = error;
      }
      expect(thrown instanceof ParleyError || thrown instanceof RangeError).toBe(true);
    }
  });
});
