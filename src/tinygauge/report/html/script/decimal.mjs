/**
 * Decimal numbers of any length, for limits that must be rounded as `selection/verdicts.py` does.
 * A decimal is `[digits, exponent]` and means digits × 10^exponent.
 *
 * @typedef {[bigint, number]} Decimal
 */

// Python's default context: https://docs.python.org/3/library/decimal.html#decimal.DefaultContext
const PRECISION = 28;

/**
 * @param {string} text As a program prints a number: "0.87", "1.5e-7".
 * @returns {Decimal}
 */
export function parseDecimal(text) {
  const [mantissa, exponent = "0"] = text.toLowerCase().split("e");
  const [whole, fraction = ""] = mantissa.split(".");
  return [BigInt(whole.replace("+", "") + fraction), Number(exponent) - fraction.length];
}

/**
 * @param {Decimal} decimal
 * @returns {number} The nearest double.
 */
export function decimalToNumber([digits, exponent]) {
  return Number(`${digits}e${exponent}`);
}

/**
 * @param {Decimal} a
 * @param {Decimal} b
 * @returns {Decimal}
 */
export function multiply(a, b) {
  return toPrecision([a[0] * b[0], a[1] + b[1]]);
}

/**
 * Divide a positive number by one that divides a power of ten, as 1024 and 0.01 do.
 *
 * @param {Decimal} a
 * @param {number} divisor
 * @returns {Decimal}
 */
export function divide(a, divisor) {
  const [digits, exponent] = parseDecimal(String(divisor));
  let tens = 0n;
  let power = 1n;
  while (power % digits !== 0n) {
    power *= 10n;
    tens += 1n;
  }
  return toPrecision([a[0] * (power / digits), a[1] - exponent - Number(tens)]);
}

/** Keep the digits that Python's context keeps; a half goes to the even neighbour. */
function toPrecision([digits, exponent]) {
  const excess = String(digits).length - PRECISION;
  if (excess <= 0) return [digits, exponent];
  const unit = 10n ** BigInt(excess);
  let kept = digits / unit;
  const rest = 2n * (digits % unit);
  if (rest > unit || (rest === unit && kept % 2n === 1n)) kept += 1n;
  return [kept, exponent + excess];
}

/**
 * @param {Decimal} decimal
 * @returns {number} The power of ten of its first digit.
 */
export function leadingExponent([digits, exponent]) {
  return String(digits).length - 1 + exponent;
}

/**
 * Round a positive number to a multiple of 10^exponent.
 *
 * @param {Decimal} decimal
 * @param {number} exponent
 * @param {boolean} upwards
 * @returns {Decimal}
 */
export function quantize([digits, own], exponent, upwards) {
  if (own >= exponent) return [digits * 10n ** BigInt(own - exponent), exponent];
  const unit = 10n ** BigInt(exponent - own);
  const rest = digits % unit;
  return [digits / unit + (upwards && rest > 0n ? 1n : 0n), exponent];
}
