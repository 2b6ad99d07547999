import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClusterId, StampMs } from '../../protocol/ids.ts';
import type { LogIndex, SnapshotMetadata, Term } from '../../consensus/types.ts';
import { EMPTY_CONF_STATE } from '../../consensus/types.ts';
import { decodeForward, decodeRefusal, encodeForward, encodeRefusal } from './forward-frames.ts';
import {
  decodeDescription,
  decodeRequest,
  encodeDescription,
  encodeRequest,
  headerOf,
  type SnapshotRequest,
} from './snapshot-frames.ts';
import { decodePiece, encodePiece, type SnapshotPiece } from './snapshot-piece.ts';

const count = fc.nat({ max: 2 ** 31 });
const bytes = fc.uint8Array({ maxLength: 40 });
const someBytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
const id = fc.record({ boot: fc.maxSafeNat(), number: count });

describe('frames between nodes', () => {
  it('come back as they were', () => {
    const command = fc.record({ serial: count, ttlMs: count, command: bytes });
    const forward = fc.record({ boot: fc.maxSafeNat(), commands: fc.array(command) });
    fc.assert(
      fc.property(forward, (frame) => {
        const { boot, commands } = decodeForward(encodeForward(frame));
        expect(boot).toBe(frame.boot);
        expect(commands.map(({ serial, ttlMs }) => [serial, ttlMs])).toEqual(
          frame.commands.map(({ serial, ttlMs }) => [serial, ttlMs]),
        );
        expect(commands.map((each) => [...each.command])).toEqual(frame.commands.map((each) => [...each.command]));
      }),
    );
    const reason = fc.constantFrom('not-leader' as const, 'overloaded' as const);
    fc.assert(
      fc.property(fc.record({ boot: count, reason, serials: fc.array(count) }), (frame) => {
        expect(decodeRefusal(encodeRefusal(frame))).toEqual(frame);
      }),
    );
    const request = fc.oneof(
      fc.record({ kind: fc.constant('pull' as const), id, written: count, first: count, count }),
      fc.record({ kind: fc.constant('finished' as const), id, ok: fc.boolean() }),
    );
    fc.assert(
      fc.property(request, (frame: SnapshotRequest) => {
        expect(decodeRequest(encodeRequest(frame))).toEqual(frame);
      }),
    );
    const piece = fc.oneof(
      fc.record({ kind: fc.constant('rows' as const), id, piece: count, bytes: someBytes }),
      fc.record({ kind: fc.constant('end' as const), id, piece: count }),
      fc.record({ kind: fc.constant('gone' as const), id }),
    );
    fc.assert(
      fc.property(piece, (frame: SnapshotPiece) => {
        const encoded = encodePiece(frame);
        // Many are made, one after the other: each goes as a whole.
        expect(encoded.buffer.byteLength).toBe(encoded.length);
        const decoded = decodePiece(encoded);
        const plain = decoded.kind === 'rows' ? { ...decoded, bytes: Uint8Array.from(decoded.bytes) } : decoded;
        expect(plain).toEqual(frame);
      }),
    );
  });

  it('describe a snapshot completely', () => {
    const metadata: SnapshotMetadata = { index: 9 as LogIndex, term: 3 as Term, confState: EMPTY_CONF_STATE };
    const header = {
      format: 1 as const,
      clusterId: 'C1' as ClusterId,
      metadata,
      chainHash: Uint8Array.of(1, 2, 3),
      stampMs: 17 as StampMs,
      stateHash: 'ab',
    };
    const description = decodeDescription(encodeDescription({ boot: 4, number: 5 }, header));
    expect(description.id).toEqual({ boot: 4, number: 5 });
    expect(headerOf(description, metadata)).toEqual(header);
  });

  it('are refused in one way when they are malformed', () => {
    const decoders = [decodeForward, decodeRefusal, decodeRequest, decodePiece, decodeDescription];
    const refuses = (decode: (input: Uint8Array) => unknown, input: Uint8Array): void => {
      try {
        decode(input);
      } catch (error) {
        expect(error).toBeInstanceOf(ParleyError);
      }
    };
    const some = encodeForward({ boot: 1, commands: [{ serial: 1, ttlMs: 2, command: new Uint8Array(9) }] });
    for (const decode of decoders) {
      expect(() => decode(new Uint8Array(0))).toThrow(ParleyError);
      fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (input) => refuses(decode, input)));
      for (let length = 0; length < some.length; length += 1) refuses(decode, some.subarray(0, length));
    }
  });
});
