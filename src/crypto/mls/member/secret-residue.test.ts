import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { STAMP } from '../../../testing/mls/device.ts';
import { addDevices, deliver, foundedBy } from '../../../testing/mls/small-group.ts';
import { readMlsMessage } from '../mls-message.ts';
import { decode } from '../tls-reader.ts';
import type { MlsDevice } from '../../../testing/mls/device.ts';

/** Forward secrecy (RFC 9420 section 9.2): what a thief of a device's disk does not find there. */

/** Every secret of the present epoch that the next one has no use for, by name. */
function secretsOf({ member }: MlsDevice): Map<string, Uint8Array> {
  const { secrets, privateKeys } = member.parts.state;
  const { secretTree } = member.parts.current.input;
  const { resumptionPsk: _kept, ...gone } = secrets;
  return new Map([
    ...Object.entries(gone),
    ...[...privateKeys].map(([node, { secretKey }]) => [`private key ${node}`, secretKey] as const),
    ...[...secretTree.secrets].map(([node, secret]) => [`secret tree ${node}`, secret] as const),
  ]);
}

/** Which of them are on the disk. */
function foundOn(device: MlsDevice, secrets: ReadonlyMap<string, Uint8Array>): string[] {
  const disk = [...device.disk.records.values()].map(bytesToHex).join(' ');
  return [...secrets].filter(([, secret]) => disk.includes(bytesToHex(secret))).map(([name]) => name);
}

function four(): [MlsDevice, MlsDevice, MlsDevice, MlsDevice] {
  const ann = foundedBy('ann');
  const [bob, carl, dora] = addDevices(ann, ['bob', 'carl', 'dora']) as [MlsDevice, MlsDevice, MlsDevice];
  for (const device of [ann, bob, carl, dora]) {
    device.options.pastEpochsMax = 0;
    device.save(0, 4);
  }
  return [ann, bob, carl, dora];
}

describe('the disk of a device', () => {
  it('has the secrets of the present epoch, and when it is over only the keys that are in use', () => {
    const [ann, bob, carl, dora] = four();
    const everybody = [ann, bob, carl, dora];
    const before = new Map(everybody.map((device) => [device, secretsOf(device)]));
    for (const device of everybody) expect(foundOn(device, before.get(device)!)).toContain('initSecret');
    for (const committer of everybody) {
      deliver(everybody, committer.member.commit({}, STAMP).commit);
      for (const device of everybody) device.save(0, 4);
    }
    for (const device of everybody) expect(foundOn(device, before.get(device)!)).toEqual([]);
  });

  it('has no key of a message that was read or written', () => {
    const [ann, bob] = four();
    const { secretTree } = ann.member.parts.current.input;
    const keys = new Map(
      [0, 1, 2].map((generation) => [`${generation}`, secretTree.keyOf(0, 'application', generation).messageKey.key]),
    );
    const [first, , third] = [1, 2, 3].map((n) => ann.member.encrypt(utf8ToBytes(`${n}`)));
    bob.member.process(decode(readMlsMessage, third!), STAMP);
    for (const device of [ann, bob]) device.save(0);
    expect(foundOn(ann, keys)).toEqual([]);
    expect(foundOn(bob, keys)).toEqual(['0', '1']); // those of messages that may still come
    bob.member.process(decode(readMlsMessage, first!), STAMP);
    bob.save(0);
    expect(foundOn(bob, keys)).toEqual(['1']);
    bob.restart(bob.copyOfDisk());
    for (const again of [first!, third!]) {
      expect(() => bob.member.process(decode(readMlsMessage, again), STAMP)).toThrow('read before');
    }
  });

  it('has no secret from which those of a message that was read can be derived', () => {
    const [ann, bob] = four();
    const { secretTree } = ann.member.parts.current.input;
    const ratchet = secretTree.ratchets(0).application;
    expect(ratchet.generation).toBe(0);
    const above = new Map(bob.member.parts.current.input.secretTree.secrets);
    expect([...above.keys()]).toEqual([bob.member.group.tree.root]);
    bob.member.process(decode(readMlsMessage, ann.member.encrypt(utf8ToBytes('text'))), STAMP);
    for (const device of [ann, bob]) {
      device.save(0);
      const secrets = new Map([...above].map(([node, secret]) => [`secret tree ${node}`, secret]));
      expect(foundOn(device, secrets.set('ratchet', ratchet.secret))).toEqual([]);
    }
  });
});
