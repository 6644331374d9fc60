/** The ready-made `handle` and `scheduled`, as a Worker has them. */
export { default } from "../../mod.ts";
