import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { isClusterId, isNodeName, type NodeName } from '../../protocol/ids.ts';
import { isPublicIdentity } from '../identity/public-identity.ts';
import { damageOf, damaged } from './damage.ts';
import type { Founding, FoundingPeer, Manifest } from './node-store.ts';
import { readSealedJson, writeSealedJson } from './sealed-json.ts';

/**
 * Format of a data directory. One of another is refused untouched. 1: a room had one row for all its members. 2: nodes
 * had no keys of their own, and what they held was not sealed.
 */
export const FORMAT_VERSION = 3;

const MANIFEST_FILE = 'manifest';
/** The same once more: a node is not to lose its name over one bad spot on a disk. */
const MANIFEST_COPY = 'manifest.copy';
const FOUNDING_FILE = 'founding';

export interface Identity {
  readonly manifest: Manifest | undefined;
  readonly founding: Founding | undefined;
}

/**
 * Reads who the directory belongs to.
 *
 * @throws ParleyError `damaged`, `unsupported_version`, or `wrong_cluster` when it is another node's
 */
export async function readIdentity(dir: string, nodeName: NodeName): Promise<Identity> {
  const manifest = await readManifest(dir);
  if (manifest !== undefined) {
    const read = checkManifest(manifest.value, dir);
    checkOwner(read.nodeName, nodeName, dir);
    if (manifest.lacksOne) await writeBoth(dir, read);
    return { manifest: read, founding: read };
  }
  const founding = await readSealedJson(join(dir, FOUNDING_FILE), 'manifest', FOUNDING_FILE);
  if (founding === undefined) return { manifest: undefined, founding: undefined };
  const read = checkManifest(founding, dir);
  checkOwner(read.nodeName, nodeName, dir);
  return { manifest: undefined, founding: read };
}

/**
 * Whichever of the two can be read.
 * @throws ParleyError `damaged` when what there is cannot be read
 */
async function readManifest(dir: string): Promise<{ value: unknown; lacksOne: boolean } | undefined> {
  const found: unknown[] = [];
  let problem: unknown;
  for (const file of [MANIFEST_FILE, MANIFEST_COPY]) {
    try {
      const value = await readSealedJson(join(dir, file), 'manifest', file);
      if (value !== undefined) found.push(value);
    } catch (error) {
      if (damageOf(error) === undefined) throw error;
      problem ??= error;
    }
  }
  if (found.length > 0) return { value: found[0], lacksOne: found.length === 1 };
  if (problem !== undefined) throw problem;
  return undefined;
}

async function writeBoth(dir: string, manifest: Manifest): Promise<void> {
  for (const file of [MANIFEST_FILE, MANIFEST_COPY]) await writeSealedJson(join(dir, file), manifest);
}

/** The founding record has the manifest's shape: joining is writing it under its final name. */
export async function writeFounding(dir: string, nodeName: NodeName, founding: Founding): Promise<void> {
  await writeSealedJson(join(dir, FOUNDING_FILE), manifestOf(nodeName, founding));
}

/** @param ownPeer of a node that was let in later; a founder's own id stands in the founding record */
export async function writeManifest(
  dir: string,
  nodeName: NodeName,
  founding: Founding,
  ownPeer?: PeerId,
): Promise<Manifest> {
  const manifest = manifestOf(nodeName, founding, ownPeer);
  await writeBoth(dir, manifest);
  return manifest;
}

export function sameFounding(a: Founding, b: Founding): boolean {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}

function plain(founding: Founding): Founding {
  return {
    clusterId: founding.clusterId,
    peers: founding.peers.map(({ name, peerId, identity }) => ({ name, peerId, identity })),
  };
}

function manifestOf(nodeName: NodeName, founding: Founding, ownPeer?: PeerId): Manifest {
  const peer = ownPeer ?? founding.peers.find(({ name }) => name === nodeName)?.peerId;
  assert(peer !== undefined, `${nodeName} is none of the founding peers`);
  return { formatVersion: FORMAT_VERSION, nodeName, peerId: peer, ...plain(founding) };
}

function checkManifest(value: unknown, dir: string): Manifest {
  const manifest = value as Partial<Record<keyof Manifest, unknown>> | null;
  const version = manifest?.formatVersion;
  if (typeof version === 'number' && version > FORMAT_VERSION) {
    throw new ParleyError(
      'unsupported_version',
      `${dir} has data format ${version}, this program knows ${FORMAT_VERSION}: upgrade it.`,
    );
  }
  if (typeof version === 'number' && version < FORMAT_VERSION) {
    throw new ParleyError(
      'unsupported_version',
      `${dir} has data format ${version}, of before the first release, which this program (${FORMAT_VERSION}) cannot ` +
        'read: use the program that wrote it, or begin in an empty directory.',
    );
  }
  if (!isManifest(manifest)) throw damaged('manifest', MANIFEST_FILE, 'it lacks a field');
  return manifest;
}

function isManifest(value: Partial<Record<keyof Manifest, unknown>> | null): value is Manifest {
  return (
    value !== null &&
    value.formatVersion === FORMAT_VERSION &&
    typeof value.clusterId === 'string' &&
    isClusterId(value.clusterId) &&
    typeof value.nodeName === 'string' &&
    isNodeName(value.nodeName) &&
    isPeerId(value.peerId) &&
    Array.isArray(value.peers) &&
    value.peers.every(isFoundingPeer)
  );
}

function isFoundingPeer(value: unknown): value is FoundingPeer {
  const peer = value as Partial<Record<keyof FoundingPeer, unknown>> | null;
  if (peer === null || typeof peer.name !== 'string' || !isNodeName(peer.name) || !isPeerId(peer.peerId)) return false;
  return peer.identity === null || isPublicIdentity(peer.identity);
}

function isPeerId(value: unknown): value is PeerId {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function checkOwner(owner: NodeName, nodeName: NodeName, dir: string): void {
  if (owner === nodeName) return;
  throw new ParleyError(
    'wrong_cluster',
    `${dir} belongs to node ${owner}, not to ${nodeName}: give each node its own.`,
  );
}
