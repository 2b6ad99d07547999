import { utf8ToBytes } from '@noble/hashes/utils.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { MlsDevice, STAMP } from '../../../testing/mls/device.ts';
import { SeededRandom } from '../../../testing/mls/seeded-random.ts';
import { createDevice, foundedBy } from '../../../testing/mls/small-group.ts';
import { loadTsMls, TsMlsPeer } from '../../../testing/mls/ts-mls-peer.ts';
import { nodePrimitives } from '../../node-mls-primitives.ts';
import { nodeRandom } from '../../node-random.ts';
import { readMlsMessage, writeMlsMessage } from '../mls-message.ts';
import { decode } from '../tls-reader.ts';
import { encode } from '../tls-writer.ts';
import { joinByExternalCommit } from './join-by-external-commit.ts';
import { joinByWelcome } from './join-by-welcome.ts';
import { protectPublic } from './message-protection.ts';
import { memberSuite } from './primitives.ts';
import type { TsMlsLibrary } from '../../../testing/mls/ts-mls-types.ts';
import type { MlsMessage } from '../mls-message.ts';
import type { CommitRequest } from './write-message.ts';

type Client = MlsDevice | TsMlsPeer;

const bytesOf = (message: MlsMessage): Uint8Array => encode(writeMlsMessage, message);
const isOurs = (client: Client): client is MlsDevice => client instanceof MlsDevice;
const leafOf = (client: Client): number => (isOurs(client) ? client.member.ownLeaf : client.ownLeaf);

let lib: TsMlsLibrary;
beforeAll(async () => {
  lib = await loadTsMls();
});

const suites = [
  { id: 1, name: 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519' },
  { id: 3, name: 'MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519' },
] as const;

describe.each(suites)('with ts-mls, cipher suite $id', ({ id, name }) => {
  const suite = memberSuite(id, nodePrimitives);
  const newPeer = async (who: string): Promise<TsMlsPeer> => {
    const impl = await lib.getCiphersuiteImpl(lib.getCiphersuiteFromName(name), lib.nobleCryptoProvider);
    return new TsMlsPeer(who, lib, impl);
  };

  /** Everybody takes it; the one who made it, as an echo. */
  async function deliver(members: readonly Client[], from: Client, bytes: Uint8Array): Promise<void> {
    for (const client of members) {
      if (isOurs(client)) client.member.process(decode(readMlsMessage, bytes), STAMP);
      else if (client === from) client.merge();
      else await client.process(bytes);
    }
  }

  /** How many different epoch authenticators they have. */
  function viewsOf(members: readonly Client[]): number {
    const authenticators = members.map((client) =>
      (isOurs(client) ? client.member.epochAuthenticator : client.epochAuthenticator).join(),
    );
    return new Set(authenticators).size;
  }

  async function commit(
    members: Client[],
    from: Client,
    { added = [], removed = [] }: { readonly added?: readonly Client[]; readonly removed?: readonly Client[] },
  ): Promise<void> {
    const packages = await Promise.all(added.map((client) => packageOf(client)));
    const leaves = removed.map(leafOf);
    const made = isOurs(from)
      ? ourCommit(
          from,
          packages.map(({ bytes }) => bytes),
          leaves,
        )
      : await from.commit(
          packages.map(({ bytes }) => bytes),
          leaves,
        );
    for (const client of removed) members.splice(members.indexOf(client), 1);
    await deliver(members, from, made.commit);
    for (const { join } of packages) await join(made.welcome!);
    members.push(...added);
    expect(viewsOf(members)).toBe(1);
  }

  interface Joining {
    readonly bytes: Uint8Array;
    readonly join: (welcome: Uint8Array) => Promise<void>;
  }

  async function packageOf(client: Client): Promise<Joining> {
    if (!isOurs(client)) {
      const own = await client.createKeyPackage();
      return { bytes: own.bytes, join: (welcome) => client.join(welcome, own) };
    }
    const own = client.createKeyPackage();
    const bytes = bytesOf({ format: 'key_package', message: own.keyPackage });
    return {
      bytes,
      join: async (encoded) => {
        const { format, message: welcome } = decode(readMlsMessage, encoded);
        if (format !== 'welcome') throw new Error(format);
        const { application } = client.options;
        const validation = { suite, ...STAMP, application };
        const environment = { suite, random: nodeRandom, validation, findPsk: () => null };
        client.begin(joinByWelcome({ welcome, keyPackages: [own], identity: client.identity }, environment), 0);
        return Promise.resolve();
      },
    };
  }

  function ourCommit(
    from: MlsDevice,
    keyPackages: readonly Uint8Array[],
    removed: readonly number[],
  ): { readonly commit: Uint8Array; readonly welcome: Uint8Array | null } {
    const adds = keyPackages.map((bytes) => {
      const { format, message } = decode(readMlsMessage, bytes);
      if (format !== 'key_package') throw new Error(format);
      return { type: 'add', keyPackage: message } as const;
    });
    const proposals = [...removed.map((leaf) => ({ type: 'remove', removed: leaf }) as const), ...adds];
    const request: CommitRequest = { proposals, groupInfo: { withTree: true } };
    const { commit: bytes, welcome } = from.member.commit(request, STAMP);
    return { commit: bytes, welcome: welcome === null ? null : bytesOf({ format: 'welcome', message: welcome }) };
  }

  async function expectMessages(members: readonly Client[]): Promise<void> {
    for (const from of members) {
      const text = utf8ToBytes(`from ${from.name}`);
      if (isOurs(from)) from.save(0, 1);
      const bytes = isOurs(from) ? from.member.encrypt(text) : await from.encrypt(text);
      for (const to of members.filter((client) => client !== from)) {
        if (isOurs(to)) {
          const event = to.member.process(decode(readMlsMessage, bytes), STAMP);
          expect(event).toMatchObject({ kind: 'application', data: text, sender: leafOf(from) });
        } else {
          expect(await to.process(bytes)).toEqual(text);
        }
      }
    }
  }

  it('joins their groups, and they ours; both read each other', async () => {
    const theirs = await newPeer('theirs');
    await theirs.found(nodeRandom(16));
    const inTheirs: Client[] = [theirs];
    await commit(inTheirs, theirs, { added: [createDevice('ours', suite), await newPeer('third')] });
    await expectMessages(inTheirs);
    const ours = foundedBy('ours', suite);
    const inOurs: Client[] = [ours];
    await commit(inOurs, ours, { added: [await newPeer('theirs'), createDevice('third', suite)] });
    await expectMessages(inOurs);
    expect([viewsOf(inTheirs), viewsOf(inOurs)]).toEqual([1, 1]);
  });

  /** By the group info of any member, without its doing. */
  async function joinExternally(members: Client[], by: Client, newcomer: Client): Promise<void> {
    const info = isOurs(by)
      ? bytesOf({
          format: 'group_info',
          message: by.member.createGroupInfo({ withTree: true, withExternalPub: true }),
        })
      : await by.groupInfo();
    if (isOurs(newcomer)) {
      const { format, message: groupInfo } = decode(readMlsMessage, info);
      if (format !== 'group_info') throw new Error(format);
      const validation = { suite, ...STAMP, application: newcomer.options.application };
      const built = joinByExternalCommit(
        { groupInfo, identity: newcomer.identity, authenticatedData: new Uint8Array(0) },
        { suite, random: nodeRandom, validation, findPsk: () => null },
      );
      const key = { membershipKey: new Uint8Array(32), context: groupInfo.groupContext };
      const external = bytesOf({ format: 'public_message', message: protectPublic(suite, built.message, key) });
      await deliver(members, newcomer, external);
      newcomer.begin(built.next, 0);
    } else {
      const external = await newcomer.joinExternally(info);
      await deliver([...members, newcomer], newcomer, external);
    }
    members.push(newcomer);
    expect(viewsOf(members)).toBe(1);
  }

  it('joins by external commits, and they do', async () => {
    const ours = foundedBy('ours', suite);
    const members: Client[] = [ours];
    await commit(members, ours, { added: [createDevice('second', suite)] });
    const theirs = await newPeer('theirs');
    await joinExternally(members, ours, theirs);
    await joinExternally(members, theirs, createDevice('late', suite));
    await expectMessages(members);
    expect(members.map(leafOf)).toEqual([0, 1, 2, 3]);
  });

  it('stays in one group through churn', async () => {
    const random = new SeededRandom(id);
    const first = foundedBy('0', suite);
    const members: Client[] = [first];
    for (let round = 1; round <= 40; round++) {
      const from = random.pick(members);
      const others = members.filter((client) => client !== from);
      const removed = members.length > 4 && random.chance(60) ? random.sample(others, 1 + random.below(2)) : [];
      const isOur = random.chance(50);
      const added =
        members.length < 9 && random.chance(60)
          ? [isOur ? createDevice(`${round}`, suite) : await newPeer(`${round}`)]
          : [];
      if (added.length > 0 && random.chance(30)) await joinExternally(members, from, added[0]!);
      else await commit(members, from, { added, removed });
      if (round % 8 === 0) await expectMessages(members);
    }
    expect(members.filter(isOurs).length).toBeGreaterThan(0);
    expect(members.filter((client) => !isOurs(client)).length).toBeGreaterThan(0);
    const { tree } = members.find(isOurs)!.member.group;
    expect(tree.memberCount).toBe(members.length);
  });
});
