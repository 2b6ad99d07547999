import { expect, it } from 'vitest';
import { testIdentity } from '../../testing/test-identity.ts';
import { Pair, type PairSession } from './pair.ts';
import { OpeningStream, SealingStream, type SealingStream as Sealing } from './sealed-stream.ts';
import type { NodeName } from '../../protocol/ids.ts';

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

function session(number: number, sealing: Sealing = new SealingStream(key(number))): PairSession {
  return {
    ...{ boot: 1, bornMs: number, stream: key(number).subarray(16), sendStream: key(number).subarray(16) },
    ...{ sealing, opening: new OpeningStream(key(number)), tagSendKey: key(number), tagReceiveKey: key(number) },
  };
}

it('sends nothing more in a session whose numbers are used up', () => {
  const pair = new Pair('n1' as NodeName, testIdentity('n1').public);
  const numbered = new SealingStream(key(2));
  const usedUp = new Proxy(numbered, { get: (of, name) => (name === 'isUsedUp' ? true : Reflect.get(of, name)) });
  pair.confirm(session(1));
  expect(pair.current?.bornMs).toBe(1);
  pair.confirm(session(2, usedUp));
  expect(pair.current).toBeUndefined();
  pair.confirm(session(3));
  expect(pair.current?.bornMs).toBe(3);
});
