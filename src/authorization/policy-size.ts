/**
 * How often longer than without its white space a text may be before that counts. Indented by eight columns, the most deeply
 * nested statements come to three times.
 */
const FREE_WHITE_SPACE = 4;

/**
 * The size of a policy as IAM's quotas count it: its characters without white space ("IAM and AWS STS quotas"). Where hardly
 * anything but white space is there, it counts in part: a quota that lets 131,072 spaces pass with each of some dozen small
 * policies is none, for whoever has them is authenticated by reading them all.
 */
export function policySize(text: string): number {
  let size = 0;
  for (let i = 0; i < text.length; i++) if (!' \t\n\r'.includes(text[i] as string)) size++;
  return Math.max(size, Math.ceil(text.length / FREE_WHITE_SPACE));
}
