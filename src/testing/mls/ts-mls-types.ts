/**
 * The little of ts-mls 1.6.4 that the tests use, so that only those who run them need the package. Values that go from
 * one function to the next are opaque here.
 */
export type KeyPackage = { readonly opaque: 'key package' };
export type PrivateKeyPackage = { readonly opaque: 'private keys' };
export type Welcome = { readonly opaque: 'welcome' };
export type GroupInfo = { readonly opaque: 'group info' };
type PublicMessage = { readonly opaque: 'public message' };
type PrivateMessage = { readonly opaque: 'private message' };
type PskIndex = { readonly opaque: 'pre-shared keys' };
type Action = { readonly opaque: 'action' };
type Ciphersuite = { readonly opaque: 'cipher suite' };
type CryptoProvider = { readonly opaque: 'crypto provider' };

export interface CiphersuiteImpl {
  readonly name: string;
}

export interface ClientState {
  readonly keySchedule: { readonly epochAuthenticator: Uint8Array };
  readonly privatePath: { readonly leafIndex: number };
}

export type MLSMessage = { readonly version: 'mls10' } & (
  | { readonly wireformat: 'mls_key_package'; readonly keyPackage: KeyPackage }
  | { readonly wireformat: 'mls_welcome'; readonly welcome: Welcome }
  | { readonly wireformat: 'mls_group_info'; readonly groupInfo: GroupInfo }
  | { readonly wireformat: 'mls_public_message'; readonly publicMessage: PublicMessage }
  | { readonly wireformat: 'mls_private_message'; readonly privateMessage: PrivateMessage }
);
type GroupMessage = Extract<MLSMessage, { wireformat: 'mls_public_message' | 'mls_private_message' }>;

export type Proposal =
  | { readonly proposalType: 'add'; readonly add: { readonly keyPackage: KeyPackage } }
  | { readonly proposalType: 'remove'; readonly remove: { readonly removed: number } };

export interface Capabilities {
  readonly versions: readonly 'mls10'[];
  readonly ciphersuites: readonly string[];
  readonly extensions: readonly never[];
  readonly proposals: readonly never[];
  readonly credentials: readonly 'basic'[];
}
interface Credential {
  readonly credentialType: 'basic';
  readonly identity: Uint8Array;
}
interface Lifetime {
  readonly notBefore: bigint;
  readonly notAfter: bigint;
}

export interface TsMlsLibrary {
  readonly nobleCryptoProvider: CryptoProvider;
  readonly emptyPskIndex: PskIndex;
  readonly acceptAll: () => Action;
  getCiphersuiteFromName(name: string): Ciphersuite;
  getCiphersuiteImpl(suite: Ciphersuite, provider: CryptoProvider): Promise<CiphersuiteImpl>;
  encodeMlsMessage(message: MLSMessage): Uint8Array;
  decodeMlsMessage(bytes: Uint8Array, offset: number): readonly [MLSMessage, number] | undefined;
  generateKeyPackage(
    credential: Credential,
    capabilities: Capabilities,
    lifetime: Lifetime,
    extensions: readonly never[],
    suite: CiphersuiteImpl,
  ): Promise<{ readonly publicPackage: KeyPackage; readonly privatePackage: PrivateKeyPackage }>;
  createGroup(
    groupId: Uint8Array,
    keyPackage: KeyPackage,
    privateKeys: PrivateKeyPackage,
    extensions: readonly never[],
    suite: CiphersuiteImpl,
  ): Promise<ClientState>;
  joinGroup(
    welcome: Welcome,
    keyPackage: KeyPackage,
    privateKeys: PrivateKeyPackage,
    psks: PskIndex,
    suite: CiphersuiteImpl,
  ): Promise<ClientState>;
  createCommit(
    context: { readonly state: ClientState; readonly cipherSuite: CiphersuiteImpl },
    options: {
      readonly extraProposals: readonly Proposal[];
      readonly wireAsPublicMessage: boolean;
      readonly ratchetTreeExtension: boolean;
    },
  ): Promise<{ readonly newState: ClientState; readonly welcome: Welcome | undefined; readonly commit: MLSMessage }>;
  joinGroupExternal(
    groupInfo: GroupInfo,
    keyPackage: KeyPackage,
    privateKeys: PrivateKeyPackage,
    isResync: boolean,
    suite: CiphersuiteImpl,
  ): Promise<{ readonly newState: ClientState; readonly publicMessage: PublicMessage }>;
  createGroupInfoWithExternalPubAndRatchetTree(
    state: ClientState,
    extensions: readonly never[],
    suite: CiphersuiteImpl,
  ): Promise<GroupInfo>;
  createApplicationMessage(
    state: ClientState,
    data: Uint8Array,
    suite: CiphersuiteImpl,
  ): Promise<{ readonly newState: ClientState; readonly privateMessage: PrivateMessage }>;
  processMessage(
    message: GroupMessage,
    state: ClientState,
    psks: PskIndex,
    callback: () => Action,
    suite: CiphersuiteImpl,
  ): Promise<
    | { readonly kind: 'newState'; readonly newState: ClientState }
    | { readonly kind: 'applicationMessage'; readonly newState: ClientState; readonly message: Uint8Array }
  >;
}
