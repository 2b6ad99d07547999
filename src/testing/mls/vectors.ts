import { CIPHER_SUITES } from '../../crypto/mls/cipher-suite.ts';
import { announce, readVectorFiles, tally } from '../vectors/vector-folder.ts';
import { mlsProviders } from './providers.ts';
import type { MlsPrimitives } from '../../crypto/mls/member/primitives.ts';
import type { VectorFile } from '../vectors/vector-folder.ts';
import type { MlsVectorTypes } from './vector-types.ts';

/** The vectors of RFC 9420 (mlswg/mls-implementations). */

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

interface MlsVectorFile {
  readonly name: string;
  readonly kind: MlsVectorKind;
  readonly vectors: readonly Json[];
}

/** Null for a file that is of something else. */
export function asMlsVectors({ name, content }: VectorFile): MlsVectorFile | null {
  if (!Array.isArray(content)) return null;
  const [first] = content as unknown[];
  if (typeof first !== 'object' || first === null) return null;
  const kinds = Object.entries(MARKS).filter(([, mark]) => Object.hasOwn(first, mark));
  if (kinds.length !== 1) return null;
  return { name, kind: kinds[0]![0] as MlsVectorKind, vectors: content as readonly Json[] };
}

const suiteOf = (vector: Json): number | null =>
  Object.hasOwn(vector, 'cipher_suite') ? Number(vector['cipher_suite']) : null;
const isSupported = (suite: number | null): boolean => suite === null || CIPHER_SUITES.some((known) => known === suite);

const files = readVectorFiles()
  .map(asMlsVectors)
  .filter((file) => file !== null);
const others = files
  .flatMap(({ vectors }) => vectors)
  .map(suiteOf)
  .filter((suite) => !isSupported(suite));
if (others.length > 0) announce(`${others.length} MLS vectors of the cipher suites ${tally(others)}`);

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
    .filter(({ vector }) => isSupported(suiteOf(vector)))
    .map(({ name, vector }) => ({ name, vector: vector as unknown as MlsVectorTypes[K] }));
}

/** Each vector with each provider of the primitives. */
export function mlsVectorsWithProviders<K extends MlsVectorKind>(
  kind: K,
): (MlsVector<K> & { readonly provider: string; readonly primitives: MlsPrimitives })[] {
  return mlsProviders.flatMap((of) => mlsVectors(kind).map((vector) => ({ ...vector, ...of })));
}
