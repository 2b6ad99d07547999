import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsensusError } from '../errors.ts';
import {
  ConfChangeKind,
  ConfChangeTransition,
  EMPTY_BYTES,
  EntryType,
  type ConfChange,
  type PeerId,
} from '../types.ts';
import { LEAVE_JOINT } from './conf-change.ts';
import { decodeConfChange, encodeConfChange, entryTypeOf } from './conf-change-codec.ts';

const step = fc.record({
  kind: fc.constantFrom(...Object.values(ConfChangeKind)),
  peer: fc.maxSafeNat().map((id) => id as PeerId),
});
const context = fc.uint8Array({ maxLength: 300 });
const change: fc.Arbitrary<ConfChange> = fc.oneof(
  fc.record({ version: fc.constant(1 as const), step, context }),
  fc.record({
    version: fc.constant(2 as const),
    transition: fc.constantFrom(...Object.values(ConfChangeTransition)),
    steps: fc.array(step, { maxLength: 5 }),
    context,
  }),
);

const decoded = (type: EntryType, ...bytes: number[]): ConfChange =>
  decodeConfChange({ type, data: Uint8Array.from(bytes) });

describe('conf change codec', () => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(change, (one) => {
        expect(decodeConfChange({ type: entryTypeOf(one), data: encodeConfChange(one) })).toEqual(one);
      }),
    );
  });

  it('writes the wire format of raftpb', () => {
    const kind = ConfChangeKind.addLearner;
    const v1: ConfChange = { version: 1, step: { kind, peer: 300 as PeerId }, context: Uint8Array.of(7) };
    expect([...encodeConfChange(v1)]).toEqual([0x10, 3, 0x18, 0xac, 0x02, 0x22, 1, 7]);
    const v2: ConfChange = {
      version: 2,
      transition: ConfChangeTransition.jointExplicit,
      steps: [{ kind: ConfChangeKind.remove, peer: 2 as PeerId }],
      context: EMPTY_BYTES,
    };
    expect([...encodeConfChange(v2)]).toEqual([0x08, 2, 0x12, 4, 0x08, 1, 0x10, 2]);
  });

  it('takes no bytes at all for leaving a joint configuration', () => {
    expect(decoded(EntryType.confChangeV2)).toEqual(LEAVE_JOINT);
  });

  it('skips fields it does not know', () => {
    const unknown = [0x78, 5, 0x7a, 2, 1, 1, 0x79, 0, 0, 0, 0, 0, 0, 0, 0, 0x7d, 0, 0, 0, 0];
    expect(decoded(EntryType.confChange, ...unknown, 0x18, 9)).toMatchObject({ step: { peer: 9 } });
  });

  it('refuses malformed data, never running past its end', () => {
    const refused = [[0x18], [0x18, 0x80], [0x22, 5, 1], [0x10, 9], [0x13], Array(12).fill(0xff) as number[]];
    for (const bytes of refused) {
      expect(() => decoded(EntryType.confChange, ...bytes)).toThrow(ConsensusError);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
        try {
          decodeConfChange({ type: EntryType.confChangeV2, data });
        } catch (error) {
          expect(error).toBeInstanceOf(ConsensusError);
        }
      }),
    );
  });
});
