import { type InferFields, oneOf, section, text } from "#schema/index.ts";

export const logFields = {
  format: oneOf(["httplog", "combined", "json", "none"], {
    help: "`httplog` is HAProxy's, `combined` Apache's and nginx's, `json` one object a line; `none` is off",
    fallback: "httplog",
  }),
  target: text({
    help: "`stdout`, `stderr`, or the absolute path of a file, opened again on SIGHUP",
    fallback: "stdout",
    pattern: /^(stdout|stderr|\/.+)$/,
    expected: "stdout, stderr or an absolute path",
    maxLength: 4096,
  }),
};
export type Log = InferFields<typeof logFields>;

export const log = section(logFields, {
  help: "The access log of frontends that have none of their own; a bare value is the format",
  short: "format",
});

export const ownLog = section(logFields, {
  help: "An access log of its own; what it leaves out is as in the top-level `log`",
  short: "format",
});
