import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { MessageType, isLocalMessageType, makeMessage, type Message } from '../../consensus/message.ts';
import { EntryType, logIndex, peerId, term, type PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { decodeMessages, encodeMessages, isWireMessageType } from './message-codec.ts';

const packr = new Packr({ useRecords: false });
const number = fc.maxSafeNat();
const bytes = fc.uint8Array({ maxLength: 200 });
const peer = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(peerId);
const peers = fc.uniqueArray(peer, { maxLength: 7 }).map((list): PeerId[] => list.toSorted((a, b) => a - b));
const entryType = fc.constantFrom(...Object.values(EntryType));

const snapshot = fc.record({
  metadata: fc.record({
    index: number.map(logIndex),
    term: number.map(term),
    confState: fc.record({
      voters: peers,
      learners: peers,
      votersOutgoing: peers,
      learnersNext: peers,
      autoLeave: fc.boolean(),
    }),
  }),
  data: bytes,
});

const appMessage: fc.Arbitrary<Message> = fc
  .record({
    to: peer,
    from: peer,
    index: fc.nat(),
    commit: number.map(logIndex),
    logTerm: fc.nat(),
    entries: fc.array(fc.record({ step: fc.nat({ max: 3 }), type: entryType, data: bytes }), { maxLength: 8 }),
  })
  .map(({ to, from, index, commit, logTerm, entries }) => {
    let last = logTerm;
    const built = entries.map(({ step, type, data }, i) => {
      last += step;
      return { term: term(last), index: logIndex(index + 1 + i), type, data };
    });
    return makeMessage(MessageType.app, {
      to,
      from,
      commit,
      index: logIndex(index),
      logTerm: term(logTerm),
      term: term(last),
      entries: built,
    });
  });

const plainMessage: fc.Arbitrary<Message> = fc
  .record({
    type: fc.constantFrom(
      MessageType.appResp,
      MessageType.vote,
      MessageType.voteResp,
      MessageType.heartbeat,
      MessageType.heartbeatResp,
      MessageType.transferLeader,
      MessageType.timeoutNow,
      MessageType.preVote,
      MessageType.preVoteResp,
    ),
    to: peer,
    from: peer,
    term: number.map(term),
    logTerm: number.map(term),
    index: number.map(logIndex),
    commit: number.map(logIndex),
    reject: fc.boolean(),
    rejectHint: number.map(logIndex),
    context: bytes,
  })
  .map(({ type, ...fields }) => makeMessage(type, fields));

const snapMessage: fc.Arbitrary<Message> = fc
  .record({ to: peer, from: peer, term: number.map(term), snapshot })
  .map((fields) => makeMessage(MessageType.snap, fields));

const entriesMessage: fc.Arbitrary<Message> = fc
  .record({
    type: fc.constantFrom(MessageType.prop, MessageType.readIndex, MessageType.readIndexResp),
    to: peer,
    from: peer,
    index: number.map(logIndex),
    entries: fc.array(
      fc.record({ term: number.map(term), index: number.map(logIndex), type: entryType, data: bytes }),
      { maxLength: 4 },
    ),
  })
  .map(({ type, ...fields }) => makeMessage(type, fields));

const anyMessage = fc.oneof(appMessage, plainMessage, snapMessage, entriesMessage);
const anyMessages = fc.array(anyMessage, { maxLength: 12 });

/** What became of the input: `accepted`, or the code of the error. Any other error passes through. */
const outcomeOf = (input: Uint8Array): string => {
  try {
    return decodeMessages(input).every(({ type, responses }) => isWireMessageType(type) && responses.length === 0)
      ? 'accepted'
      : 'accepted what never travels';
  } catch (error) {
    if (error instanceof ParleyError) return error.code;
    throw error;
  }
};

const aMessage = makeMessage(MessageType.app, {
  to: peerId(2),
  from: peerId(1),
  term: term(3),
  logTerm: term(2),
  index: logIndex(7),
  entries: [{ term: term(3), index: logIndex(8), type: EntryType.normal, data: new Uint8Array([1, 2, 3]) }],
});
/** The wire form of `aMessage` with one field replaced, as a peer gone wrong would send it. */
const withField = (position: number, value: unknown): Uint8Array => {
  const frame = packr.unpack(encodeMessages([aMessage])) as [number, unknown[]];
  frame[1][position] = value;
  return packr.pack(frame);
};

describe('message codec', () => {
  it('brings back exactly what was sent', () => {
    fc.assert(
      fc.property(anyMessages, (messages) => {
        expect(decodeMessages(encodeMessages(messages))).toEqual(messages);
      }),
    );
  });

  it('hands out plain byte arrays that share memory with the input', () => {
    const input = encodeMessages([aMessage]);
    const data = decodeMessages(input)[0]?.entries[0]?.data;
    expect(data?.constructor).toBe(Uint8Array);
    expect(data?.buffer).toBe(input.buffer);
  });

  it('has a wire code for every type that is not local, but for MsgForgetLeader', () => {
    for (const type of Object.values(MessageType)) {
      expect(isWireMessageType(type)).toBe(!isLocalMessageType(type) && type !== MessageType.forgetLeader);
    }
  });

  it('refuses to encode local messages and responses', () => {
    const local = makeMessage(MessageType.storageAppend, { to: peerId(1), from: peerId(1) });
    expect(() => encodeMessages([local])).toThrow(/never travels/);
    expect(() => encodeMessages([{ ...aMessage, responses: [aMessage] }])).toThrow(/never travel/);
  });

  it('rejects every truncation', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 3 }), fc.nat(), (messages, cut) => {
        const whole = encodeMessages(messages);
        expect(outcomeOf(whole.slice(0, cut % whole.length))).toBe('bad_request');
      }),
    );
  });

  it('rejects trailing bytes', () => {
    const whole = encodeMessages([aMessage]);
    expect(outcomeOf(new Uint8Array([...whole, 0]))).toBe('bad_request');
  });

  it('never throws anything but bad_request, whatever the bytes', () => {
    const mutated = fc.tuple(anyMessages, fc.nat(), fc.nat({ max: 255 })).map(([messages, at, value]) => {
      const wire = Uint8Array.from(encodeMessages(messages));
      wire[at % wire.length] = value;
      return wire;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated), (input) => {
        expect(['accepted', 'bad_request']).toContain(outcomeOf(input));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['a type that does not exist', 0, 0],
    ['a type past the table', 0, 99],
    ['a fractional type', 0, 1.5],
    ['nobody as receiver', 1, 0],
    ['a local thread as sender', 2, -1],
    ['a term past the safe integers', 3, 2 ** 60],
    ['a negative index', 5, -1],
    ['a string for a number', 5, '7'],
    ['a gap before the entries', 5, 6],
    ['a term of the log above its entries', 4, 4],
    ['an entry from a later term', 3, 2],
    ['a number for a boolean', 8, 1],
    ['text for bytes', 10, 'abc'],
    ['an incomplete entry', 11, [3, 8, 0]],
    ['an unknown type of entry', 11, [3, 8, 9, new Uint8Array()]],
    ['entries that are no list', 11, { length: 0 }],
    ['a snapshot on another type', 12, [1, 1, [1], [], [], [], false, new Uint8Array()]],
    ['a field too many', 13, null],
  ])('rejects %s', (_name, position, value) => {
    expect(outcomeOf(withField(position, value))).toBe('bad_request');
  });

  it('rejects membership lists that are not sorted', () => {
    const snap = makeMessage(MessageType.snap, {
      to: peerId(2),
      from: peerId(1),
      snapshot: {
        metadata: {
          index: logIndex(1),
          term: term(1),
          confState: {
            voters: [peerId(2), peerId(1)],
            learners: [],
            votersOutgoing: [],
            learnersNext: [],
            autoLeave: false,
          },
        },
        data: new Uint8Array(),
      },
    });
    expect(outcomeOf(encodeMessages([snap]))).toBe('bad_request');
  });

  it('rejects another version and a claim of more elements than there are bytes', () => {
    expect(outcomeOf(packr.pack([2]))).toBe('bad_request');
    expect(outcomeOf(new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff]))).toBe('bad_request');
  });
});
