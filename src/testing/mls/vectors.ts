import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isSupportedSuite } from '../../crypto/mls/cipher-suite.ts';
import { mlsProviders } from './providers.ts';
import type { MlsPrimitives } from '../../crypto/mls/member/primitives.ts';
import type { MlsVectorTypes } from './vector-types.ts';

/**
 * The vectors of RFC 9420 (mlswg/mls-implementations). They are not part of this repository: `$PARLEY_VECTORS/mls`, or
 * the folder `shared/vectors/mls` beside the checkout. A file's kind is what it says inside, whatever its name.
 */
const checkout = fileURLToPath(new URL('../../../', import.meta.url));
const folder = resolve(process.env['PARLEY_VECTORS'] ?? resolve(checkout, '../shared/vectors'), 'mls');

/** A field that vectors of this kind have and those of other kinds have not. */
const MARKS = {
  'tree-math': 'n_leaves',
  deserialization: 'vlbytes_header',
  'crypto-basics': 'ref_hash',
  'key-schedule': 'initial_init_secret',
  'secret-tree': 'sender_data',
  'message-protection': 'application_priv',
  psk_secret: 'psk_secret',
  'transcript-hashes': 'interim_transcript_hash_before',
  welcome: 'signer_pub',
  'tree-operations': 'proposal_sender',
  'tree-validation': 'resolutions',
  treekem: 'leaves_private',
  messages: 'mls_welcome',
  'passive-client': 'initial_epoch_authenticator',
} as const;
export type MlsVectorKind = keyof typeof MARKS;

/** Numbers and hex strings, lists and objects of them, as the files have them. */
type Json = Readonly<Record<string, unknown>>;

interface VectorFile {
  readonly name: string;
  readonly kind: MlsVectorKind;
  readonly vectors: readonly Json[];
}

function read(name: string): VectorFile | null {
  const vectors = JSON.parse(readFileSync(resolve(folder, name), 'utf8')) as unknown;
  const [first] = Array.isArray(vectors) ? (vectors as Json[]) : [];
  const kinds = Object.entries(MARKS).filter(([, mark]) => first !== undefined && Object.hasOwn(first, mark));
  if (kinds.length !== 1) {
    process.stderr.write(`SKIPPED: ${name} is of no kind of MLS vectors that is known here\n`);
    return null;
  }
  return { name, kind: kinds[0]![0] as MlsVectorKind, vectors: vectors as readonly Json[] };
}

const files = (existsSync(folder) ? readdirSync(folder) : [])
  .filter((name) => name.endsWith('.json'))
  .map(read)
  .filter((file) => file !== null);
if (files.length === 0) process.stderr.write(`SKIPPED: no MLS vectors in ${folder}; set PARLEY_VECTORS\n`);

export const haveMlsVectors = files.length > 0;
export const mlsVectorKinds = Object.keys(MARKS) as MlsVectorKind[];

export interface MlsVector<K extends MlsVectorKind> {
  /** The file and the place in it. */
  readonly name: string;
  readonly vector: MlsVectorTypes[K];
}

/** Those of one kind, of the cipher suites that are supported. */
export function mlsVectors<K extends MlsVectorKind>(kind: K): MlsVector<K>[] {
  return files
    .filter((file) => file.kind === kind)
    .flatMap(({ name, vectors }) => vectors.map((vector, i) => ({ name: `${name} #${i}`, vector })))
    .filter(({ vector }) => !Object.hasOwn(vector, 'cipher_suite') || isSupportedSuite(Number(vector['cipher_suite'])))
    .map(({ name, vector }) => ({ name, vector: vector as unknown as MlsVectorTypes[K] }));
}

/** Each vector with each provider of the primitives. */
export function mlsVectorsWithProviders<K extends MlsVectorKind>(
  kind: K,
): (MlsVector<K> & { readonly provider: string; readonly primitives: MlsPrimitives })[] {
  return mlsProviders.flatMap((of) => mlsVectors(kind).map((vector) => ({ ...vector, ...of })));
}
