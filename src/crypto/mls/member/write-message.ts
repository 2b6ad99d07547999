import { verify } from '../error.ts';
import { writeMlsMessage } from '../mls-message.ts';
import { acceptProposal } from '../proposal-message.ts';
import { encode } from '../tls-writer.ts';
import { buildCommit } from './commit-builder.ts';
import { createGroupInfo } from './group-info-builder.ts';
import { environmentOf } from './member-parts.ts';
import { protectPublic, signFramedContent } from './message-protection.ts';
import { selectProposals } from './proposal-selection.ts';
import { createWelcome } from './welcome-builder.ts';
import type { KemKeyPair } from '../../kem.ts';
import type { AuthenticatedContent, HandshakeWireFormat } from '../authenticated-content.ts';
import type { Content, FramedContent } from '../framed-content.ts';
import type { GroupInfo } from '../group-info.ts';
import type { Proposal } from '../proposal.ts';
import type { Welcome } from '../welcome.ts';
import type { GroupInfoOptions } from './group-info-builder.ts';
import type { MemberOptions, Stamp } from './member-options.ts';
import type { MemberParts } from './member-parts.ts';

export interface CommitRequest {
  /** Made by this commit, by value. */
  readonly proposals?: readonly Proposal[];
  /** Whether to cover the proposals that others sent; they are by default. */
  readonly withPending?: boolean;
  /** Whether to renew the own keys even where the RFC does not require it; they are by default. */
  readonly alwaysPath?: boolean;
  readonly authenticatedData?: Uint8Array;
  readonly wireFormat?: HandshakeWireFormat;
  readonly groupInfo?: GroupInfoOptions;
}

/** A commit that this member made; it counts once the log brings it back. */
export interface OwnCommit {
  readonly commit: Uint8Array;
  /** For those whom it adds. */
  readonly welcome: Welcome | null;
  /** Of the epoch that it begins. */
  readonly groupInfo: GroupInfo;
}

interface Writing {
  readonly options: MemberOptions;
  readonly parts: MemberParts;
  readonly stamp: Stamp;
}

const EMPTY = new Uint8Array(0);

/** @throws MlsError */
export function writeCommitMessage(
  { options, parts, stamp }: Writing,
  request: CommitRequest,
): { readonly parts: MemberParts; readonly own: OwnCommit } {
  const { state } = parts;
  const { suite, random } = options;
  const sender = { type: 'member', leafIndex: state.ownLeaf } as const;
  const pending = request.withPending === false ? [] : selectProposals(state.group, state.ownLeaf);
  const own = request.proposals ?? [];
  const input = {
    group: state.group,
    identity: state.identity,
    sender,
    sourced: [...pending, ...own.map((proposal) => ({ proposal, sender }))],
    proposals: [
      ...pending.map(({ reference }) => ({ type: 'reference', reference }) as const),
      ...own.map((proposal) => ({ type: 'proposal', proposal }) as const),
    ],
    alwaysPath: request.alwaysPath ?? true,
    authenticatedData: request.authenticatedData ?? EMPTY,
    wireFormat: request.wireFormat ?? 'public_message',
    initSecret: state.secrets.initSecret,
    privateKeys: state.privateKeys,
  };
  const built = buildCommit(input, environmentOf(options, parts, stamp));
  const commit = protect(options, parts, built.message);
  const groupInfo = createGroupInfo(suite, built.next.state, request.groupInfo ?? {});
  const { encryptionSecret, state: next } = built.next;
  const staged = {
    hash: suite.hash(commit),
    message: built.message,
    secrets: { ...next.secrets, encryptionSecret },
    privateKeys: next.privateKeys,
  };
  const welcome = createWelcome(suite, built, groupInfo, random);
  return { parts: { ...parts, staged }, own: { commit, welcome, groupInfo } };
}

/** @param keyPair of the leaf, for an Update. @throws MlsError */
export function writeProposalMessage(
  { options, parts, stamp }: Writing,
  proposal: Proposal,
  keyPair: KemKeyPair | null,
): { readonly parts: MemberParts; readonly bytes: Uint8Array } {
  const message = authenticate(options, parts, { type: 'proposal', proposal }, EMPTY);
  const { state } = parts;
  const group = acceptProposal(state.group, message, environmentOf(options, parts, stamp).validation);
  const pendingUpdates = keyPair === null ? state.pendingUpdates : [...state.pendingUpdates, keyPair];
  const bytes = protect(options, parts, message);
  return { parts: { ...parts, state: { ...state, group, pendingUpdates } }, bytes };
}

/** @throws MlsError */
export function writeApplicationMessage(
  options: MemberOptions,
  parts: MemberParts,
  data: Uint8Array,
  extra: { readonly authenticatedData?: Uint8Array; readonly paddingBytes?: number },
): Uint8Array {
  const isClear = parts.state.group.proposals.size === 0;
  verify(isClear, 'bad_state', 'Proposals must be committed before anything is sent (RFC 9420 section 12.4).');
  const message = authenticate(options, parts, { type: 'application', data }, extra.authenticatedData ?? EMPTY);
  return protect(options, parts, message, extra.paddingBytes ?? 0);
}

function authenticate(
  { suite }: MemberOptions,
  { state }: MemberParts,
  content: Content,
  authenticatedData: Uint8Array,
): AuthenticatedContent {
  const { groupId, epoch } = state.group.context;
  const sender = { type: 'member', leafIndex: state.ownLeaf } as const;
  const framed: FramedContent = { groupId, epoch, sender, authenticatedData, content };
  const wireFormat = content.type === 'application' ? 'private_message' : 'public_message';
  const input = { wireFormat, content: framed, context: state.group.context } as const;
  const signature = signFramedContent(suite, state.identity.signingKey.secretKey, input);
  return { wireFormat, content: framed, auth: { signature, confirmationTag: null } };
}

function protect(
  { suite, random }: MemberOptions,
  { state, current }: MemberParts,
  message: AuthenticatedContent,
  paddingBytes = 0,
): Uint8Array {
  if (message.wireFormat === 'private_message') {
    const sealed = current.protect(message, { reuseGuard: random(4), paddingBytes });
    return encode(writeMlsMessage, { format: 'private_message', message: sealed });
  }
  const key = { membershipKey: state.secrets.membershipKey, context: state.group.context };
  return encode(writeMlsMessage, { format: 'public_message', message: protectPublic(suite, message, key) });
}
