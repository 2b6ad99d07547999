import { foundGroup } from '../../crypto/mls/member/epoch-state.ts';
import { memberSuite } from '../../crypto/mls/member/primitives.ts';
import { readMlsMessage } from '../../crypto/mls/mls-message.ts';
import { decode } from '../../crypto/mls/tls-reader.ts';
import { nodePrimitives } from '../../crypto/node-mls-primitives.ts';
import { nodeRandom } from '../../crypto/node-random.ts';
import { LIFETIME, MlsDevice, STAMP } from './device.ts';

/** A few devices with the primitives of Node and cipher suite 3. */
export function createDevice(name: string, suite = memberSuite(3, nodePrimitives)): MlsDevice {
  return new MlsDevice(name, suite, nodeRandom);
}

/** A device alone in a group of its own. */
export function foundedBy(name: string, suite = memberSuite(3, nodePrimitives)): MlsDevice {
  const device = createDevice(name, suite);
  const options = { groupId: nodeRandom(16), extensions: [], lifetime: LIFETIME };
  device.begin(foundGroup(suite, device.identity, options, nodeRandom), 0);
  return device;
}

/** Adds devices one by one, so that the tree has no unmerged leaves in the end; all of them are up to date then. */
export function addDevices(founder: MlsDevice, names: readonly string[]): MlsDevice[] {
  const members = [founder];
  for (const name of names) {
    const joiner = createDevice(name, founder.options.suite);
    const keyPackage = joiner.createKeyPackage();
    const proposals = [{ type: 'add', keyPackage: keyPackage.keyPackage } as const];
    const { commit, welcome } = founder.member.commit({ proposals }, STAMP);
    deliver(members, commit);
    joiner.join(welcome!, keyPackage, founder.member.group.tree, 0);
    members.push(joiner);
    deliver(members, joiner.member.commit({}, STAMP).commit);
  }
  return members.slice(1);
}

/** As the log does: everybody, the sender too. */
export function deliver(members: readonly MlsDevice[], bytes: Uint8Array): void {
  for (const { member } of members) member.process(decode(readMlsMessage, bytes), STAMP);
}
