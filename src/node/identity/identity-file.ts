import { join } from 'node:path';
import type { RandomBytes } from '../../crypto/random.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { damageOf, damaged } from '../store/damage.ts';
import { readSealedJson, writeSealedJson } from '../store/sealed-json.ts';
import { generateIdentity, identityOf, type NodeIdentity } from './node-identity.ts';

/** Twice, as the manifest: a node is not to lose its keys over one bad spot on a disk. */
const FILES = ['identity', 'identity.copy'] as const;

const NAME = 'identity';

/** Private keys: sealed. */
interface Content {
  readonly agreement: string;
  readonly signing: string;
}

/**
 * The keys in a data directory; a directory that has none and is nobody's yet gets them.
 * @param seal undefined where the data keys are lost, and with them these
 * @param isMember whether the directory belongs to a member of a cluster, which knows it by its keys
 * @throws ParleyError `damaged` when they are lost
 */
export async function openIdentity(
  { dir, seal }: { readonly dir: string; readonly seal: RowSeal | undefined },
  isMember: boolean,
  random: RandomBytes,
): Promise<NodeIdentity> {
  const found: Content[] = [];
  let isDamaged = false;
  for (const file of FILES) {
    const content = await readCopy(dir, file, seal).catch((error: unknown) => {
      if (damageOf(error) === undefined) throw error;
      isDamaged = true;
    });
    if (content !== undefined) found.push(content);
  }
  const [known] = found;
  if (known !== undefined) {
    if (found.length < FILES.length) await writeBoth(dir, known, seal!);
    return identityOf({ agreement: bytesOf(known.agreement), signing: bytesOf(known.signing) });
  }
  if (isMember || isDamaged || seal === undefined) {
    throw new ParleyError(
      'damaged',
      `The keys of this node (${join(dir, FILES[0])} and its copy) are lost, and without them the others do not know ` +
        'it: empty the directory, start it, and let it in: chatctl member replace',
    );
  }
  const made = generateIdentity(random);
  await writeBoth(dir, { agreement: hexOf(made.agreement.secretKey), signing: hexOf(made.signing.secretKey) }, seal);
  return made;
}

/** Seals the keys of a directory anew. */
export async function resealIdentity(dir: string, seal: RowSeal): Promise<void> {
  for (const file of FILES) {
    const content = await readCopy(dir, file, seal).catch(ignoreDamage);
    if (content === undefined) continue;
    await writeBoth(dir, content, seal);
    return;
  }
}

/** The next start finds it out. */
function ignoreDamage(error: unknown): undefined {
  if (damageOf(error) === undefined) throw error;
}

/** @throws ParleyError `damaged` for one that is not what was written */
async function readCopy(dir: string, file: string, seal: RowSeal | undefined): Promise<Content | undefined> {
  const value = await readSealedJson(join(dir, file), 'manifest', file);
  if (value === undefined) return undefined;
  const { sealed } = value as { readonly sealed?: unknown };
  const json = typeof sealed === 'string' ? seal?.open(NAME, Buffer.from(sealed, 'base64')) : undefined;
  if (json === undefined) throw damaged('manifest', file, 'it is not what was sealed there');
  const { agreement, signing } = JSON.parse(json.toString()) as Partial<Record<keyof Content, unknown>>;
  return isSecret(agreement) && isSecret(signing) ? { agreement, signing } : undefined;
}

async function writeBoth(dir: string, content: Content, seal: RowSeal): Promise<void> {
  const sealed = seal.seal(NAME, Buffer.from(JSON.stringify(content))).toString('base64');
  for (const file of FILES) await writeSealedJson(join(dir, file), { sealed });
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const isSecret = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
