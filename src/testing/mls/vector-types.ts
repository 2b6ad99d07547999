import type { MlsPrimitives } from '../../crypto/mls/member/primitives.ts';

/** What the vector files of mlswg/mls-implementations say, by kind: byte strings are hex. */
type Fields = Readonly<Record<string, string>>;
interface OfSuite {
  readonly cipher_suite: number;
}

interface TreeMathVector {
  readonly n_leaves: number;
  readonly n_nodes: number;
  readonly root: number;
  readonly left: readonly (number | null)[];
  readonly right: readonly (number | null)[];
  readonly parent: readonly (number | null)[];
  readonly sibling: readonly (number | null)[];
}

interface CryptoBasicsVector extends OfSuite {
  readonly ref_hash: Fields;
  readonly expand_with_label: Fields & { readonly length: never };
  readonly derive_secret: Fields;
  readonly derive_tree_secret: Fields & { readonly length: never; readonly generation: never };
  readonly sign_with_label: Fields;
  readonly encrypt_with_label: Fields;
}

interface KeyScheduleVector extends OfSuite {
  readonly group_id: string;
  readonly initial_init_secret: string;
  readonly epochs: readonly (Fields & { readonly exporter: Fields & { readonly length: never } })[];
}

interface SecretTreeVector extends OfSuite {
  readonly encryption_secret: string;
  readonly sender_data: Fields;
  readonly leaves: readonly (readonly (Fields & { readonly generation: never })[])[];
}

interface PskSecretVector extends OfSuite {
  readonly psks: readonly Fields[];
  readonly psk_secret: string;
}

export interface TreeKemVector extends OfSuite {
  readonly ratchet_tree: string;
  readonly group_id: string;
  readonly epoch: number;
  readonly confirmed_transcript_hash: string;
  readonly leaves_private: readonly {
    readonly index: number;
    readonly encryption_priv: string;
    readonly signature_priv: string;
    readonly path_secrets: readonly { readonly node: number; readonly path_secret: string }[];
  }[];
  readonly update_paths: readonly {
    readonly sender: number;
    readonly update_path: string;
    readonly path_secrets: readonly (string | null)[];
    readonly commit_secret: string;
    readonly tree_hash_after: string;
  }[];
}

interface WelcomeVector extends OfSuite {
  readonly init_priv: string;
  readonly key_package: string;
  readonly signer_pub: string;
  readonly welcome: string;
}

export interface PassiveClientVector extends OfSuite {
  readonly external_psks: readonly { readonly psk_id: string; readonly psk: string }[];
  readonly key_package: string;
  readonly signature_priv: string;
  readonly encryption_priv: string;
  readonly init_priv: string;
  readonly welcome: string;
  readonly ratchet_tree: string | null;
  readonly initial_epoch_authenticator: string;
  readonly epochs: readonly {
    readonly proposals: readonly string[];
    readonly commit: string;
    readonly epoch_authenticator: string;
  }[];
}

interface TreeOperationVector extends OfSuite {
  readonly tree_before: string;
  readonly tree_after: string;
  readonly tree_hash_before: string;
  readonly tree_hash_after: string;
  readonly proposal: string;
  readonly proposal_sender: number;
}

interface TreeValidationVector extends OfSuite {
  readonly tree: string;
  readonly group_id: string;
  readonly tree_hashes: readonly string[];
  readonly resolutions: readonly (readonly number[])[];
}

export interface MlsVectorTypes {
  readonly 'tree-math': TreeMathVector;
  readonly deserialization: { readonly vlbytes_header: string; readonly length: number };
  readonly 'crypto-basics': CryptoBasicsVector;
  readonly 'key-schedule': KeyScheduleVector;
  readonly 'secret-tree': SecretTreeVector;
  readonly 'message-protection': OfSuite & Fields & { readonly epoch: never };
  readonly psk_secret: PskSecretVector;
  readonly 'transcript-hashes': OfSuite & Fields;
  readonly welcome: WelcomeVector;
  readonly 'tree-operations': TreeOperationVector;
  readonly 'tree-validation': TreeValidationVector;
  readonly treekem: TreeKemVector;
  readonly messages: Fields;
  readonly 'passive-client': PassiveClientVector;
}

/** By kind: throws where the engine says something else than the vector. */
export type VectorChecks = {
  readonly [K in keyof MlsVectorTypes]?: (vector: MlsVectorTypes[K], primitives: MlsPrimitives) => void;
};
