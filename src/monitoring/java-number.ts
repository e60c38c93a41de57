/**
 * Numbers as Java writes them, in which CloudWatch is written: `3.0`, `0.25`, `1.0E7`. They stand in the texts and the JSON
 * that alarms are explained with, where `3` would do but is not what anyone's pattern expects.
 */

/** As Java's `Double.toString`: decimal from 10⁻³ up to 10⁷, and with an exponent beyond. */
export function javaDouble(value: number): string {
  if (!Number.isFinite(value) || value === 0) return value === 0 ? '0.0' : String(value);
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e7) return withFraction(String(value));
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${withFraction(digits)}E${Number(exponent)}`;
}

function withFraction(digits: string): string {
  return digits.includes('.') ? digits : `${digits}.0`;
}

/** A finite number that `JSON.stringify` writes so. The method is in the language, but not yet in what the compiler knows. */
export function rawDouble(value: number): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(javaDouble(value));
}
