import { readFileSync } from 'node:fs';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { nodeAesGcmSuite, nodeChaChaPolySuite } from '../node-noise.ts';
import { nodeRandom } from '../node-random.ts';
import { sealingKeyPairOf } from '../x25519.ts';
import { K, KK } from './handshake-pattern.ts';
import { HandshakeState } from './handshake-state.ts';
import { nobleAesGcmSuite, nobleChaChaPolySuite } from './noise-suite.ts';
import type { HandshakePattern } from './handshake-pattern.ts';
import type { NoiseSuite } from './noise-suite.ts';

interface NoiseVector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_static: string;
  readonly init_ephemeral: string;
  readonly init_remote_static: string;
  readonly resp_prologue: string;
  readonly resp_static: string;
  readonly resp_ephemeral?: string;
  readonly resp_remote_static: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

/** Those of the projects cacophony and snow, for the protocols that are used here. */
const VECTORS = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8')) as readonly NoiseVector[];
const PATTERNS: readonly HandshakePattern[] = [K, KK];
const SUITES: readonly (readonly [string, readonly NoiseSuite[]])[] = [
  ['noble', [nobleAesGcmSuite, nobleChaChaPolySuite]],
  ['node', [nodeAesGcmSuite, nodeChaChaPolySuite]],
];

function sidesOf(vector: NoiseVector, suites: readonly NoiseSuite[]): [HandshakeState, HandshakeState] {
  const [, patternName, ...suiteName] = vector.protocol_name.split('_');
  const suite = suites.find(({ name }) => name === suiteName.join('_'))!;
  const pattern = PATTERNS.find(({ name }) => name === patternName)!;
  const side = (role: 'initiator' | 'responder'): HandshakeState => {
    const of = (field: string): string =>
      (vector as unknown as Record<string, string | undefined>)[`${role === 'initiator' ? 'init' : 'resp'}_${field}`] ??
      '';
    return new HandshakeState({
      ...{ suite, pattern, role },
      prologue: hexToBytes(of('prologue')),
      static: sealingKeyPairOf(hexToBytes(of('static')), suite.x25519),
      remoteStatic: hexToBytes(of('remote_static')),
      random: () => hexToBytes(of('ephemeral')),
    });
  };
  return [side('initiator'), side('responder')];
}

describe.each(SUITES)('Noise with the primitives of %s', (_, suites) => {
  it.each(VECTORS.map((vector) => [vector.protocol_name, vector] as const))(
    '%s: the published vector',
    (_name, vector) => {
      const [initiator, responder] = sidesOf(vector, suites);
      const said = vector.messages.map(({ payload, ciphertext }) => ({ payload: hexToBytes(payload), ciphertext }));
      let turn = 0;
      while (!initiator.isFinished) {
        const { payload, ciphertext } = said[turn]!;
        const [writer, reader] = turn % 2 === 0 ? [initiator, responder] : [responder, initiator];
        const written = writer.writeMessage(payload)!;
        expect(bytesToHex(written)).toBe(ciphertext);
        expect(reader.readMessage(written)).toEqual(payload);
        turn += 1;
      }
      if (vector.handshake_hash !== undefined) {
        for (const side of [initiator, responder]) expect(bytesToHex(side.handshakeHash)).toBe(vector.handshake_hash);
      }
      const isOneWay = turn === 1;
      const [a, b] = [initiator.split(), responder.split()];
      for (; turn < said.length; turn += 1) {
        const { payload, ciphertext } = said[turn]!;
        const [send, receive] = isOneWay || turn % 2 === 0 ? [a.send, b.receive] : [b.send, a.receive];
        const sealed = send.encryptWithAd(new Uint8Array(0), payload);
        expect(bytesToHex(sealed)).toBe(ciphertext);
        expect(receive.decryptWithAd(new Uint8Array(0), sealed)).toEqual(payload);
      }
    },
  );
});

describe('HandshakeState', () => {
  const suite = nodeAesGcmSuite;
  const [ann, bob, eve] = [1, 2, 3].map((byte) => sealingKeyPairOf(new Uint8Array(32).fill(byte), suite.x25519));
  const side = (
    role: 'initiator' | 'responder',
    own = role === 'initiator' ? ann! : bob!,
    remote = role === 'initiator' ? bob! : ann!,
    prologue = 'p',
  ): HandshakeState =>
    new HandshakeState({
      ...{ suite, pattern: KK, role, static: own, remoteStatic: remote.publicKey, random: nodeRandom },
      prologue: new TextEncoder().encode(prologue),
    });
  const hello = Uint8Array.of(1, 2, 3);

  it('gives both sides the same further secrets, one for each label', () => {
    const [a, b] = [side('initiator'), side('responder')];
    b.readMessage(a.writeMessage(hello)!);
    a.readMessage(b.writeMessage(hello)!);
    expect(a.exportSecret('one')).toEqual(b.exportSecret('one'));
    expect(a.exportSecret('one')).not.toEqual(a.exportSecret('two'));
    expect(() => a.exportSecret('')).toThrow('label');
  });

  it('takes nothing from whoever does not hold the expected key, and answers nobody else', () => {
    expect(side('responder').readMessage(side('initiator', eve).writeMessage(hello)!)).toBeNull();
    const [a, b] = [side('initiator'), side('responder', eve, ann)];
    // Eve cannot even read the first message, so she makes up the second.
    expect(b.readMessage(a.writeMessage(hello)!)).toBeNull();
    const other = side('responder', eve, ann);
    other.readMessage(side('initiator', ann, eve).writeMessage(hello)!);
    expect(a.readMessage(other.writeMessage(hello)!)).toBeNull();
  });

  it('takes nothing that is altered or cut short anywhere, or that another prologue goes with', () => {
    const message = side('initiator').writeMessage(hello)!;
    for (let at = 0; at < message.length; at += 1) {
      const altered = Uint8Array.from(message);
      altered[at]! ^= 1;
      expect(side('responder').readMessage(altered)).toBeNull();
      expect(side('responder').readMessage(message.subarray(0, at))).toBeNull();
    }
    expect(side('responder', bob, ann, 'q').readMessage(message)).toBeNull();
    expect(side('responder').readMessage(message)).toEqual(hello);
  });

  it('ends where the other has a key with which nothing is secret', () => {
    const small = new Uint8Array(32);
    expect(side('initiator', ann, { publicKey: small, secretKey: small }).writeMessage(hello)).toBeNull();
    const message = Uint8Array.from(side('initiator').writeMessage(hello)!);
    message.fill(0, 0, 32);
    expect(side('responder').readMessage(message)).toBeNull();
  });

  it('takes no calls out of turn, before the end, or after a failure', () => {
    const [a, b] = [side('initiator'), side('responder')];
    expect(() => b.writeMessage(hello)).toThrow('turn');
    expect(() => a.readMessage(hello)).toThrow('turn');
    expect(() => a.split()).toThrow('not finished');
    expect(b.readMessage(new Uint8Array(80))).toBeNull();
    expect(() => b.writeMessage(hello)).toThrow('turn');
  });
});
