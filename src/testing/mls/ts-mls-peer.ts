import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import type * as TsMls from './ts-mls-types.ts';
import type { TsMlsLibrary } from './ts-mls-types.ts';

/** What is wrong in ts-mls 1.6.4, and stands between it and other implementations. */
const MENDS = [
  {
    // It demands that all parents above an unmerged leaf have the same list of unmerged leaves. RFC 9420 section
    // 12.4.3.1 asks only that each of them has this leaf: most trees were refused after some churn.
    file: 'clientState.js',
    fault: '!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)',
    mend: 'dp.indexOf(parentIdx) < dp.indexOf(toNodeIndex(i)) && !dpNode.parent.unmergedLeaves.includes(unmergedLeaf)',
  },
  {
    // It leaves out the length before the external key, which is an opaque<V> (section 12.4.3.2).
    file: 'createCommit.js',
    fault: 'exportSecret(externalPub.extensionData, cs)',
    mend: 'exportSecret(externalPub.extensionData.subarray(1), cs)',
  },
  {
    file: 'createCommit.js',
    fault: '{ extensionType: "external_pub", extensionData: externalPub },',
    mend: '{ extensionType: "external_pub", extensionData: Uint8Array.of(externalPub.length, ...externalPub) },',
  },
];

/** The library with these lines mended, in a folder beside the installed packages that is removed again at once. */
export async function loadTsMls(): Promise<TsMlsLibrary> {
  const installed = dirname(createRequire(import.meta.url).resolve('ts-mls'));
  const modules = resolve(installed, '..', '..', '..');
  const folder = mkdtempSync(join(modules, '.ts-mls-'));
  try {
    cpSync(installed, folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    for (const { file, fault, mend } of MENDS) {
      const path = join(folder, file);
      const source = readFileSync(path, 'utf8');
      if (source.split(fault).length !== 2) throw new Error('This is not the ts-mls that the mend is for.');
      writeFileSync(path, source.replace(fault, mend));
    }
    return (await import(pathToFileURL(join(folder, 'index.js')).href)) as TsMlsLibrary;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface TsMlsKeyPackage {
  /** An MLSMessage. */
  readonly bytes: Uint8Array;
  readonly publicPackage: TsMls.KeyPackage;
  readonly privatePackage: TsMls.PrivateKeyPackage;
}

/** A client that is run by the other implementation; everything goes in and out as bytes. */
export class TsMlsPeer {
  readonly name: string;
  readonly #lib: TsMlsLibrary;
  readonly #suite: TsMls.CiphersuiteImpl;
  #state: TsMls.ClientState | null = null;
  #next: TsMls.ClientState | null = null;

  constructor(name: string, lib: TsMlsLibrary, suite: TsMls.CiphersuiteImpl) {
    this.name = name;
    this.#lib = lib;
    this.#suite = suite;
  }

  get state(): TsMls.ClientState {
    if (this.#state === null) throw new Error(`${this.name} is in no group.`);
    return this.#state;
  }

  get epochAuthenticator(): Uint8Array {
    return this.state.keySchedule.epochAuthenticator;
  }

  get ownLeaf(): number {
    return this.state.privatePath.leafIndex;
  }

  async createKeyPackage(): Promise<TsMlsKeyPackage> {
    const credential = { credentialType: 'basic', identity: utf8ToBytes(this.name) } as const;
    const capabilities: TsMls.Capabilities = {
      versions: ['mls10'],
      ciphersuites: [this.#suite.name],
      extensions: [],
      proposals: [],
      credentials: ['basic'],
    };
    const lifetime = { notBefore: 0n, notAfter: 2n ** 62n };
    const made = await this.#lib.generateKeyPackage(credential, capabilities, lifetime, [], this.#suite);
    const keyPackage = made.publicPackage;
    const bytes = this.#lib.encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage });
    return { bytes, ...made };
  }

  async found(groupId: Uint8Array): Promise<void> {
    const { publicPackage, privatePackage } = await this.createKeyPackage();
    this.#state = await this.#lib.createGroup(groupId, publicPackage, privatePackage, [], this.#suite);
  }

  async join(welcomeMessage: Uint8Array, own: TsMlsKeyPackage): Promise<void> {
    const message = this.#decode(welcomeMessage);
    if (message.wireformat !== 'mls_welcome') throw new Error(message.wireformat);
    const psks = this.#lib.emptyPskIndex;
    const { publicPackage, privatePackage } = own;
    this.#state = await this.#lib.joinGroup(message.welcome, publicPackage, privatePackage, psks, this.#suite);
  }

  /** Takes effect by `merge`. @param added MLSMessages of key packages */
  async commit(
    added: readonly Uint8Array[],
    removed: readonly number[],
  ): Promise<{ commit: Uint8Array; welcome: Uint8Array | null }> {
    const extraProposals: TsMls.Proposal[] = [
      ...removed.map((leaf) => ({ proposalType: 'remove', remove: { removed: leaf } }) as const),
      ...added.map((bytes) => {
        const message = this.#decode(bytes);
        if (message.wireformat !== 'mls_key_package') throw new Error(message.wireformat);
        return { proposalType: 'add', add: { keyPackage: message.keyPackage } } as const;
      }),
    ];
    const made = await this.#lib.createCommit(
      { state: this.state, cipherSuite: this.#suite },
      { extraProposals, wireAsPublicMessage: true, ratchetTreeExtension: true },
    );
    this.#next = made.newState;
    const { welcome } = made;
    return {
      commit: this.#lib.encodeMlsMessage(made.commit),
      welcome:
        welcome === undefined
          ? null
          : this.#lib.encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome }),
    };
  }

  merge(): void {
    this.#state = this.#next;
    this.#next = null;
  }

  async joinExternally(groupInfoMessage: Uint8Array): Promise<Uint8Array> {
    const message = this.#decode(groupInfoMessage);
    if (message.wireformat !== 'mls_group_info') throw new Error(message.wireformat);
    const { publicPackage, privatePackage } = await this.createKeyPackage();
    const { groupInfo } = message;
    const made = await this.#lib.joinGroupExternal(groupInfo, publicPackage, privatePackage, false, this.#suite);
    this.#next = made.newState;
    const { publicMessage } = made;
    return this.#lib.encodeMlsMessage({ version: 'mls10', wireformat: 'mls_public_message', publicMessage });
  }

  async groupInfo(): Promise<Uint8Array> {
    const groupInfo = await this.#lib.createGroupInfoWithExternalPubAndRatchetTree(this.state, [], this.#suite);
    return this.#lib.encodeMlsMessage({ version: 'mls10', wireformat: 'mls_group_info', groupInfo });
  }

  async encrypt(data: Uint8Array): Promise<Uint8Array> {
    const made = await this.#lib.createApplicationMessage(this.state, data, this.#suite);
    this.#state = made.newState;
    const { privateMessage } = made;
    return this.#lib.encodeMlsMessage({ version: 'mls10', wireformat: 'mls_private_message', privateMessage });
  }

  /** @returns what an application message says; null for anything else */
  async process(bytes: Uint8Array): Promise<Uint8Array | null> {
    const message = this.#decode(bytes);
    if (message.wireformat !== 'mls_public_message' && message.wireformat !== 'mls_private_message') {
      throw new Error(message.wireformat);
    }
    const { emptyPskIndex, acceptAll } = this.#lib;
    const result = await this.#lib.processMessage(message, this.state, emptyPskIndex, acceptAll, this.#suite);
    this.#state = result.newState;
    return result.kind === 'applicationMessage' ? result.message : null;
  }

  #decode(bytes: Uint8Array): TsMls.MLSMessage {
    const decoded = this.#lib.decodeMlsMessage(bytes, 0);
    if (decoded === undefined) throw new Error('It does not decode.');
    return decoded[0];
  }
}
