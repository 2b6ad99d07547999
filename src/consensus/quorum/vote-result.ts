/** `pending`: votes that are still missing can decide either way. */
export type VoteResult = 'pending' | 'lost' | 'won';
