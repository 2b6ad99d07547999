import { join } from 'node:path';
import type { RandomBytes } from '../../crypto/random.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { damageOf } from '../store/damage.ts';
import { readSealedJson, writeSealedJson } from '../store/sealed-json.ts';
import { generateIdentity, identityOf, type NodeIdentity } from './node-identity.ts';

/** Twice, as the manifest: a node is not to lose its keys over one bad spot on a disk. */
const FILES = ['identity', 'identity.copy'] as const;

/** Holds private keys: for the owner of the directory only. */
interface Content {
  readonly agreement: string;
  readonly signing: string;
}

/**
 * The keys in a data directory; a directory that has none and is nobody's yet gets them.
 * @param isMember whether the directory belongs to a member of a cluster, which knows it by its keys
 * @throws ParleyError `damaged` when they are lost
 */
export async function openIdentity(dir: string, isMember: boolean, random: RandomBytes): Promise<NodeIdentity> {
  const found: Content[] = [];
  let isDamaged = false;
  for (const file of FILES) {
    const content = await readCopy(dir, file).catch((error: unknown) => {
      if (damageOf(error) === undefined) throw error;
      isDamaged = true;
    });
    if (content !== undefined) found.push(content);
  }
  const [known] = found;
  if (known !== undefined) {
    if (found.length < FILES.length) await writeBoth(dir, known);
    return identityOf({ agreement: bytesOf(known.agreement), signing: bytesOf(known.signing) });
  }
  if (isMember || isDamaged) {
    throw new ParleyError(
      'damaged',
      `The keys of this node (${join(dir, FILES[0])} and its copy) are lost, and without them the others do not know ` +
        'it: empty the directory, start it, and let it in: chatctl member replace',
    );
  }
  const made = generateIdentity(random);
  await writeBoth(dir, { agreement: hexOf(made.agreement.secretKey), signing: hexOf(made.signing.secretKey) });
  return made;
}

async function readCopy(dir: string, file: string): Promise<Content | undefined> {
  const value = await readSealedJson(join(dir, file), 'manifest', file);
  const { agreement, signing } = (value ?? {}) as Partial<Record<keyof Content, unknown>>;
  return isSecret(agreement) && isSecret(signing) ? { agreement, signing } : undefined;
}

async function writeBoth(dir: string, content: Content): Promise<void> {
  for (const file of FILES) await writeSealedJson(join(dir, file), content);
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const isSecret = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
