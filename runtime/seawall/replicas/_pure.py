"""Functions of PostgreSQL that change nothing: what a SELECT may call and still be a read.

A list of what is known, not of what is feared: any other function, the project's own above all, may write. A test asks a
real server that each of these is stable or immutable there, or is in `HARMLESS`.

Left out although they are marked stable: `txid_current` and `pg_current_xact_id` take a transaction number, which a replica
has none to give of; `database_to_xml` and its kind read whatever they are told to.
"""

from typing import Final

__all__ = ["HARMLESS", "NOT_IN_CATALOG", "PURE_FUNCTIONS"]

_AGGREGATES: Final = """
any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every grouping json_agg
json_agg_strict json_arrayagg json_object_agg json_object_agg_strict json_object_agg_unique json_objectagg jsonb_agg
jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique max min mode percentile_cont
percentile_disc range_agg range_intersect_agg regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance xmlagg
"""
_WINDOWS: Final = """
cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
"""
_NUMBERS: Final = """
abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd degrees div erf
erfc exp factorial floor gamma gcd lcm lgamma ln log log10 min_scale mod pi pow power radians round scale sign sin sind sinh
sqrt tan tand tanh trim_scale trunc width_bucket
"""
_TEXTS: Final = """
ascii bit_count bit_length btrim casefold char char_length character_length chr concat concat_ws convert convert_from
convert_to crc32 crc32c decode encode format get_bit get_byte initcap is_normalized left length lower lpad ltrim md5 normalize
octet_length overlay parse_ident position quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like
regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse
right rpad rtrim set_bit set_byte sha224 sha256 sha384 sha512 split_part starts_with string_to_array string_to_table strpos
substr substring to_ascii to_bin to_char to_hex to_number to_oct translate trim unistr upper
"""
_TIMES: Final = """
age date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days justify_hours justify_interval
make_date make_interval make_time make_timestamp make_timestamptz now overlaps statement_timestamp timezone to_date
to_timestamp transaction_timestamp current_date current_time current_timestamp localtime localtimestamp
"""
_ARRAYS_AND_RANGES: Final = """
array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position array_positions
array_prepend array_remove array_replace array_reverse array_sample array_shuffle array_sort array_to_string array_upper
cardinality generate_series generate_subscripts isempty lower_inc lower_inf multirange num_nonnulls num_nulls range_merge
trim_array unnest upper_inc upper_inf daterange datemultirange int4range int4multirange int8range int8multirange numrange
nummultirange tsrange tsmultirange tstzrange tstzmultirange
"""
_JSON_AND_XML: Final = """
array_to_json json_array json_array_elements json_array_elements_text json_array_length json_build_array json_build_object
json_each json_each_text json_exists json_extract_path json_extract_path_text json_object json_object_keys
json_populate_record json_populate_recordset json_query json_scalar json_serialize json_strip_nulls json_table json_to_record
json_to_recordset json_typeof json_value jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
jsonb_build_object jsonb_concat jsonb_contained jsonb_contains jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text
jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object
jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query
jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz
jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record
jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb xml_is_well_formed xmlcomment xmlconcat xmlelement xmlexists
xmlforest xmlparse xmlserialize xmltable xmltext xpath xpath_exists
"""
_SEARCH_AND_SHAPES: Final = """
array_to_tsvector get_current_ts_config json_to_tsvector jsonb_to_tsvector numnode phraseto_tsquery plainto_tsquery querytree
setweight strip to_tsquery to_tsvector ts_debug ts_delete ts_filter ts_headline ts_lexize ts_parse ts_rank ts_rank_cd
tsquery_phrase tsvector_to_array websearch_to_tsquery area bound_box box center circle diagonal diameter height isclosed
isopen line lseg npoints path pclose point polygon popen radius slope width
"""
_NETWORKS_AND_IDS: Final = """
abbrev broadcast family host hostmask inet_merge inet_same_family macaddr8_set7bit masklen netmask network set_masklen text
enum_first enum_last enum_range uuid_extract_timestamp uuid_extract_version
"""
_CHOICES: Final = """
all any array cast coalesce exists greatest least nullif row some
"""
_SERVER: Final = """
col_description current_catalog current_database current_role current_schema current_schemas current_setting current_user
format_type has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege
has_schema_privilege has_sequence_privilege has_table_privilege inet_client_addr inet_client_port inet_server_addr
inet_server_port obj_description pg_backend_pid pg_client_encoding pg_collation_for pg_column_size pg_encoding_to_char
pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_function_arguments pg_get_function_result pg_get_functiondef
pg_get_indexdef pg_get_partkeydef pg_get_ruledef pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role
pg_index_column_has_property pg_indexam_has_property pg_input_error_info pg_input_is_valid pg_my_temp_schema pg_options_to_table
pg_column_compression pg_partition_root pg_postmaster_start_time pg_relation_is_publishable pg_size_bytes
pg_size_pretty pg_table_is_visible pg_type_is_visible pg_typeof pg_wal_lsn_diff session_user shobj_description system_user
to_regclass to_regnamespace to_regproc to_regprocedure to_regrole to_regtype user version
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


HARMLESS: Final = _names(
    """
    array_sample array_shuffle clock_timestamp gen_random_uuid pg_database_size pg_indexes_size pg_is_in_recovery
    pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_partition_ancestors pg_partition_tree
    pg_relation_size pg_sleep pg_sleep_for pg_sleep_until pg_table_size pg_tablespace_size pg_total_relation_size random random_normal timeofday uuidv4
    uuidv7
    """
)
"""Volatile only because they answer differently each time."""

NOT_IN_CATALOG: Final = _names(
    """
    all any array cast coalesce current_catalog current_date current_role current_time current_timestamp exists greatest
    grouping json_array json_arrayagg json_exists json_objectagg json_query json_scalar json_serialize json_table json_value
    least localtime localtimestamp nullif row some trim user xmlconcat xmlelement xmlforest xmlparse xmlserialize xmltable
    """
)
"""Written like functions, and part of the language."""

PURE_FUNCTIONS: Final = HARMLESS.union(
    _AGGREGATES.split(),
    _WINDOWS.split(),
    _NUMBERS.split(),
    _TEXTS.split(),
    _TIMES.split(),
    _ARRAYS_AND_RANGES.split(),
    _JSON_AND_XML.split(),
    _SEARCH_AND_SHAPES.split(),
    _NETWORKS_AND_IDS.split(),
    _CHOICES.split(),
    _SERVER.split(),
)
"""Names in small letters."""
