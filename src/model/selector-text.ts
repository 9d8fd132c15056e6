import { z } from "zod";

const KEY = "(?:[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-._A-Za-z0-9]{0,61}[A-Za-z0-9])?";
const VALUE = "(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?";
const SET = `\\( ?${VALUE}(?: ?, ?${VALUE})* ?\\)`;
const REQUIREMENT = `(?:!?${KEY}|${KEY} ?(?:==?|!=) ?${VALUE}|${KEY} (?:in|notin) ?${SET})`;

/** A selector of labels that stands in an object, as kubectl get -l takes it: `team=a,tier in (front,back),!old`. What it lets in, the store's parser reads. */
export const labelSelector = z
  .string()
  .min(1)
  .max(500)
  .regex(new RegExp(`^${REQUIREMENT}(?: ?, ?${REQUIREMENT})*$`), "a label selector, as in team=a, or tier in (front,back),!old");
