/** The parts of an ARN between its colons; the sixth is all that follows the fifth colon. */
export const ARN_SEGMENTS = 6;

/** A text in which the five colons between an ARN's segments have been looked for. */
export interface ReadArn {
  readonly text: string;
  /** Undefined where there are fewer. */
  readonly colons: readonly number[] | undefined;
}

export function readArn(text: string): ReadArn {
  const colons: number[] = [];
  for (let colon = text.indexOf(':'); colon >= 0; colon = text.indexOf(':', colon + 1)) {
    if (colons.push(colon) === ARN_SEGMENTS - 1) return { text, colons };
  }
  return { text, colons: undefined };
}

/** Whether text has the six segments of an ARN. */
export function isArn({ text, colons }: ReadArn): boolean {
  return colons !== undefined && text.startsWith('arn:');
}
