import type { Message, MessageType } from '../message.ts';
import type { StepOutcome } from '../propose-outcome.ts';
import type { Raft } from '../raft.ts';

/** Returns nothing where there is nothing to say but `stepped`. */
export type Handler = (raft: Raft, message: Message) => StepOutcome | void;

/** What a role does with each type of message. Total: the compiler finds a forgotten one. */
export type HandlerTable = Readonly<Record<MessageType, Handler>>;

/** The message means nothing to this role, usually because it was sent to what the peer was before. */
export const ignore: Handler = () => {};
