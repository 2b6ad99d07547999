/** What is wrong with an MLS object; stable, for programs. The message is for people. */
export type MlsErrorCode =
  /** Bytes that are not the encoding of what they should be. */
  | 'malformed'
  /** Of another group, version or cipher suite. */
  | 'wrong_group'
  /** Made in an epoch that is over; the sender makes it again in the current one. */
  | 'stale_epoch'
  /** Of an epoch that has not begun here. */
  | 'future_epoch'
  | 'bad_signature'
  | 'bad_membership_tag'
  | 'bad_confirmation_tag'
  | 'bad_sender'
  /** RFC 9420 section 7.3. */
  | 'bad_leaf_node'
  /** RFC 9420 section 10.1. */
  | 'bad_key_package'
  /** RFC 9420 sections 7.9 and 12.4.3.1. */
  | 'bad_tree'
  /** RFC 9420 section 12.2. */
  | 'bad_proposal_list'
  | 'unknown_proposal'
  /** RFC 9420 section 12.4: the path is missing, of the wrong shape, or does not decrypt to its keys. */
  | 'bad_path'
  | 'bad_group_info'
  | 'bad_welcome'
  | 'unknown_psk'
  | 'undecryptable'
  /** A generation that was read before, or too far ahead. */
  | 'bad_generation'
  /** The generation has not been made durable. */
  | 'generation_not_reserved'
  /** An own message that this state did not make: the state was restored from a copy. It must be discarded. */
  | 'restored_state'
  /** The caller asked for something the state does not allow. */
  | 'bad_state'
  /** A rule of the application, such as the room's profile. */
  | 'forbidden';

export class MlsError extends Error {
  readonly code: MlsErrorCode;

  constructor(code: MlsErrorCode, message: string) {
    super(message);
    this.name = 'MlsError';
    this.code = code;
  }
}

/** @throws MlsError with this code unless the condition holds */
export function verify(condition: boolean, code: MlsErrorCode, message: string): asserts condition {
  if (!condition) throw new MlsError(code, message);
}
